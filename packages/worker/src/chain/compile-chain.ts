import { StreamError } from "@millrace/core";
import type { OutputGate } from "@millrace/exchange";
import type { UserFunction } from "@millrace/graph";
import { PartialAggregate, type Operator, type Output } from "@millrace/operators";
import type { KeyedBackend } from "@millrace/state";

import type { ChainCursor } from "./chain-cursor.ts";
import { chainSource } from "./chain-source.ts";
import { CombiningGate, type GateShortcut } from "./combining-gate.ts";

/** One operator of a chain: inlined as a call of the author's function, or called as an object. */
export type ChainStep = {
  readonly name: string;
  /** The step whose results it takes, -1: the records of the chain; absent: the one before it. */
  readonly after?: number;
} & (
  | { readonly kind: "map" | "filter" | "flat-map"; readonly call: UserFunction }
  | { readonly kind: "operator"; readonly operator: Operator }
);

export interface CompileOptions {
  readonly steps: readonly ChainStep[];
  readonly gates: readonly {
    readonly gate: OutputGate;
    /** The step whose results it takes; -1: the records of the chain. */
    readonly after: number;
  }[];
  readonly cursor: ChainCursor;
}

export interface CompiledChain {
  /** Runs one record through the chain up to its output gates. */
  readonly run: (value: unknown, timestampMs: number) => void;
  /** The same for a record of the second input. */
  readonly runSecond: (value: unknown, timestampMs: number) => void;
  /** By step: what an operator's results go to; undefined for inlined functions. */
  readonly outputs: readonly (Output | undefined)[];
}

/** What the template of `chainSource` refers to. */
interface ChainConstants {
  readonly cursor: ChainCursor;
  readonly functions: readonly (UserFunction | undefined)[];
  readonly operators: readonly (Operator | undefined)[];
  readonly gates: readonly OutputGate[];
  /** By gate: of those that combine. */
  readonly shortcuts: readonly (GateShortcut | undefined)[];
  readonly isPromise: (value: unknown) => boolean;
  readonly fail: (step: number, isLateEmit?: boolean) => never;
}

type ConsumeKeyed = (value: unknown, timestampMs: number, hash: number) => void;

/**
 * Returns the chain as one function of its own, so that every call site in it is monomorphic. Before
 * each call of the author's code it stores the step in the cursor. Throws `job-module-invalid` when
 * the chain is too long to compile.
 */
export function compileChain({ steps, gates, cursor }: CompileOptions): CompiledChain {
  const shortcuts = gates.map(({ gate }) =>
    gate instanceof CombiningGate ? gate.shortcut : undefined,
  );
  const body = chainSource({
    steps: steps.map(({ kind, after }, index) => ({ kind, after: after ?? index - 1 })),
    gates: gates.map(({ after }, index) => ({
      kind: shortcuts[index] === undefined ? "plain" : "combining",
      after,
    })),
  });
  // oxlint-disable-next-line typescript/no-implied-eval, typescript/no-unsafe-type-assertion -- templates of ours, no data enters
  const factory = new Function("constants", body) as (constants: ChainConstants) => CompiledChain;
  return factory({
    cursor,
    functions: steps.map((step) => (step.kind === "operator" ? undefined : step.call)),
    operators: steps.map((step) => (step.kind === "operator" ? step.operator : undefined)),
    gates: gates.map(({ gate }) => gate),
    shortcuts,
    isPromise,
    fail: (step, isLateEmit) =>
      refusePromise(steps[step]?.name ?? `step ${step}`, isLateEmit === true),
  });
}

/**
 * Returns the entry of a keyed chain for one edge: selects the record's key, makes it current with
 * the hash that came along, and runs the chain.
 */
export function compileKeyedEntry(options: KeyedEntryOptions): ConsumeKeyed {
  const { selectKey, keyed, chain, cursor } = options;
  const body = `"use strict";
const { run, partial } = target;
return function consume(value, timestampMs, hash) {
${options.isCombined ? partialLines : ""}cursor.recordsIn += 1;
cursor.step = ${JSON.stringify(options.keyStep)};
keyed.setCurrentKey(selectKey(value), hash);
run(value, timestampMs);
};`;
  // oxlint-disable-next-line typescript/no-implied-eval, typescript/no-unsafe-type-assertion -- a template of ours, only a number enters
  const factory = new Function("cursor", "selectKey", "keyed", "target", body) as (
    cursor: ChainCursor,
    selectKey: UserFunction,
    keyed: KeyedBackend,
    target: { readonly run: CompiledChain["run"]; readonly partial: PartialAggregate },
  ) => ConsumeKeyed;
  const run = options.isSecond ? chain.runSecond : chain.run;
  return factory(cursor, selectKey, keyed, { run, partial: new PartialAggregate() });
}

interface KeyedEntryOptions {
  readonly selectKey: UserFunction;
  readonly keyed: KeyedBackend;
  readonly chain: CompiledChain;
  readonly cursor: ChainCursor;
  readonly keyStep: number;
  /** Whether the edge leads to the second of two inputs. */
  readonly isSecond: boolean;
  /** Whether the edge carries partials beside records. */
  readonly isCombined: boolean;
}

/** A partial has no event time; it brings its key, counts for its records, and runs in their place. */
const partialLines = `if (timestampMs !== timestampMs) {
cursor.step = 0;
partial.read(value);
cursor.recordsIn += partial.recordCount;
keyed.setCurrentKey(partial.key, hash);
run(partial, partial.timestampMs);
return;
}
`;

/** Returns the entry of a chain without keys: counts the record and runs the chain. */
export function compilePlainEntry(
  chain: CompiledChain,
  cursor: ChainCursor,
  isSecond = false,
): ConsumeKeyed {
  const body = `"use strict";
return function consume(value, timestampMs) {
cursor.recordsIn += 1;
run(value, timestampMs);
};`;
  // oxlint-disable-next-line typescript/no-implied-eval, typescript/no-unsafe-type-assertion -- a template of ours, nothing enters
  const factory = new Function("cursor", "run", body) as (
    cursor: ChainCursor,
    run: CompiledChain["run"],
  ) => ConsumeKeyed;
  return factory(cursor, isSecond ? chain.runSecond : chain.run);
}

function isPromise(value: unknown): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    "then" in value &&
    typeof value.then === "function"
  );
}

function refusePromise(name: string, isLateEmit: boolean): never {
  const message = isLateEmit
    ? `emit of operator ${name} was called after its function had returned; emit before returning`
    : `the function of operator ${name} returned a promise; functions of map, filter and flatMap ` +
      "must be synchronous: await in a source or sink, or keep the work out of the stream";
  throw new StreamError("user-function-failed", message, { domain: "user", retry: "never" });
}
