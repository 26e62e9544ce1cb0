import { StreamError, type JsonValue } from "@millrace/core";

import type { StateBlock } from "./contract.ts";

const formatVersion = 1;

/** Returns entries of non-keyed state as the one block that their operator stores (D4). */
export function encodeListBlock(operator: string, entries: readonly JsonValue[]): StateBlock {
  const text = JSON.stringify({ formatVersion, entries });
  return {
    operator,
    kind: "list",
    role: "base",
    groupStart: 0,
    groupEnd: 0,
    cellCount: entries.length,
    bytes: new TextEncoder().encode(text),
  };
}

/** Returns the entries of a block; throws `state-incompatible` if it is of another format. */
export function decodeListBlock(block: StateBlock): readonly JsonValue[] {
  const parsed = parseJson(block);
  const isOurs =
    typeof parsed === "object" &&
    parsed !== null &&
    "formatVersion" in parsed &&
    parsed.formatVersion === formatVersion &&
    "entries" in parsed &&
    Array.isArray(parsed.entries);
  if (!isOurs) throw incompatible(block, `is not of list format ${formatVersion}`);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- codec: what JSON.parse gives is JSON
  return parsed.entries as readonly JsonValue[];
}

function parseJson(block: StateBlock): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(block.bytes));
  } catch (error) {
    throw incompatible(block, "is not JSON", error);
  }
}

function incompatible(block: StateBlock, what: string, cause?: unknown): StreamError {
  return new StreamError(
    "state-incompatible",
    `the state of operator ${block.operator} ${what}; restore with the version that wrote it`,
    { domain: "internal", retry: "never", cause },
  );
}
