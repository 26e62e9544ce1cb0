import {
  decodeFailed,
  keyCodecVersion,
  keyHashVersion,
  type ByteReader,
  type ByteWriter,
  type CheckpointId,
} from "@millrace/core";

import type { StateKind } from "./cell.ts";

/**
 * The bytes of a keyed block, version 1 (golden: `heap-restore.test.ts`), little-endian:
 *
 * - head: version u8, key codec version u8, key hash version u8, checkpoint id u64, count of states,
 *   each its kind u8 and name (text);
 * - sections, to the end: key group (varint), length in bytes (u32), entries.
 *
 * An entry is a varint, `state index * 4 + kind`, then the namespace (f64, unless the state is
 * plain), then for a cell or a tombstone the key's hash (u32) and the key, then for a cell the value.
 * A section has its own dictionary of shapes, so that sections of foreign key groups are skipped.
 */
const blockFormatVersion = 1;

export const entryKinds = { cell: 0, tombstone: 1, drop: 2 } as const;

export interface StateName {
  readonly name: string;
  readonly kind: StateKind;
}

const kindNumbers = { value: 0, pane: 1, timer: 2 } as const satisfies Record<StateKind, number>;
const kindsByNumber: readonly StateKind[] = ["value", "pane", "timer"];

export interface BlockHead {
  readonly checkpointId: bigint;
  readonly states: readonly StateName[];
}

export function writeBlockHead(
  out: ByteWriter,
  checkpointId: CheckpointId,
  states: readonly StateName[],
): void {
  out.u8(blockFormatVersion);
  out.u8(keyCodecVersion);
  out.u8(keyHashVersion);
  out.u64(checkpointId);
  out.varint(states.length);
  for (const { name, kind } of states) {
    out.u8(kindNumbers[kind]);
    out.text(name);
  }
}

/** Returns the head of a block; throws `decode-failed` for another version. */
export function readBlockHead(input: ByteReader): BlockHead {
  const version = input.u8();
  if (version !== blockFormatVersion) {
    throw decodeFailed(
      `a state block has format ${version}, this version reads ${blockFormatVersion}`,
    );
  }
  const codec = input.u8();
  const hash = input.u8();
  if (codec !== keyCodecVersion || hash !== keyHashVersion) {
    throw decodeFailed(`a state block has keys of codec ${codec} and hash ${hash}`);
  }
  const checkpointId = input.u64();
  const count = input.count();
  const states: StateName[] = [];
  for (let index = 0; index < count; index += 1) {
    const kind = kindsByNumber[input.u8()];
    if (kind === undefined) throw decodeFailed("a state block has a state of an unknown kind");
    states.push({ kind, name: input.text() });
  }
  return { checkpointId, states };
}

export interface Section {
  readonly group: number;
  readonly bytes: Uint8Array;
}

/** Returns the sections behind the head, without copies. */
export function* readSections(input: ByteReader): Iterable<Section> {
  while (input.remaining > 0) {
    const group = input.varint();
    yield { group, bytes: input.bytes(input.u32()) };
  }
}
