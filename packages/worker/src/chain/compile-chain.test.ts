import { keyHash } from "@millrace/core";
import type { OutputGate } from "@millrace/exchange";
import { PartialAggregate, type Operator, type Output } from "@millrace/operators";
import { createHeapBackend } from "@millrace/state";
import { expect, test } from "vitest";

import { createChainCursor } from "./chain-cursor.ts";
import { chainSource, maxChainSteps } from "./chain-source.ts";
import {
  compileChain,
  compileKeyedEntry,
  type ChainStep,
  type CompiledChain,
} from "./compile-chain.ts";

function gateInto(emitted: unknown[]): OutputGate {
  return {
    emit: (value, timestampMs) => void emitted.push([value, timestampMs]),
    emitHashed: () => {},
    emitWatermark: () => {},
    emitStatus: () => {},
    emitBarrier: () => {},
    emitEndOfInput: () => {},
    hasRoom: () => true,
    flush: () => {},
    finish: () => {},
  };
}

function compiled(
  steps: readonly ChainStep[],
  gateCount = 1,
): { chain: CompiledChain; emitted: unknown[]; cursor: ReturnType<typeof createChainCursor> } {
  const emitted: unknown[] = [];
  const cursor = createChainCursor();
  const gates = Array.from({ length: gateCount }, () => ({
    gate: gateInto(emitted),
    after: steps.length - 1,
  }));
  return { chain: compileChain({ steps, gates, cursor }), emitted, cursor };
}

test("a chain without operators passes records on to every gate", () => {
  const { chain, emitted, cursor } = compiled([], 2);
  chain.run("a", 1);
  expect(emitted).toEqual([
    ["a", 1],
    ["a", 1],
  ]);
  expect(cursor.recordsOut).toBe(1);
});

test("functions run in order and keep the timestamp", () => {
  const { chain, emitted } = compiled([
    { kind: "map", name: "add", call: (value: number) => value + 1 },
    { kind: "filter", name: "even", call: (value: number) => value % 2 === 0 },
    { kind: "flat-map", name: "twice", call: (value: number) => new Set([value, -value]) },
    { kind: "map", name: "text", call: String },
  ]);
  for (const value of [1, 2, 3]) chain.run(value, value * 10);
  expect(emitted).toEqual([
    ["2", 10],
    ["-2", 10],
    ["4", 30],
    ["-4", 30],
  ]);
});

test("a flat-map may emit, return an array or a generator, or nothing", () => {
  const { chain, emitted } = compiled([
    {
      kind: "flat-map",
      name: "spill",
      call: (value: number, emit: (value: unknown) => void) => {
        emit(`emitted ${value}`);
        if (value === 1) return ["array"];
        return value === 2
          ? (function* () {
              yield "generated";
            })()
          : undefined;
      },
    },
  ]);
  for (const value of [1, 2, 3]) chain.run(value, 0);
  expect(emitted.map((one) => (one as unknown[])[0])).toEqual([
    "emitted 1",
    "array",
    "emitted 2",
    "generated",
    "emitted 3",
  ]);
});

test("the cursor names the step that threw, also behind an emission", () => {
  const failing = (value: number): number => {
    if (value === 7) throw new Error("seven");
    return value;
  };
  const { chain, cursor } = compiled([
    { kind: "map", name: "first", call: (value: number) => value },
    { kind: "map", name: "second", call: failing },
  ]);
  chain.run(6, 0);
  expect(() => chain.run(7, 0)).toThrow("seven");
  expect(cursor.step).toBe(1);
});

test("an operator's output is the rest of the chain, after which its own step is current", () => {
  let output: Output | undefined;
  const steps: number[] = [];
  const operator: Operator = {
    open: () => {},
    onRecord: (value, timestampMs) => {
      output?.emit(value, timestampMs);
      steps.push(cursor.step);
    },
  };
  const { chain, emitted, cursor } = compiled([
    { kind: "operator", name: "stateful", operator },
    { kind: "map", name: "after", call: (value: number) => value * 2 },
  ]);
  [output] = chain.outputs;
  chain.run(21, 5);
  expect(emitted).toEqual([[42, 5]]);
  expect(steps).toEqual([0]);
});

test("a partial runs with its own key and time, and counts for its records", () => {
  const seen: unknown[] = [];
  const operator: Operator = {
    open: () => {},
    onRecord: (value, timestampMs) => {
      const what = value instanceof PartialAggregate ? `partial ${String(value.value)}` : value;
      seen.push([what, timestampMs, keyed.currentKey()]);
    },
  };
  const { chain, cursor } = compiled([{ kind: "operator", name: "counts", operator }]);
  const groups = { start: 0, end: 7 };
  const keyed = createHeapBackend({ operatorName: "counts", groups, maxParallelism: 8 });
  const selectKey = (word: string): string => word;
  const kind = { isCombined: true, isSecond: false };
  const entry = { selectKey, keyed, chain, cursor, keyStep: 1, ...kind };
  const consume = compileKeyedEntry(entry);
  const partial = { key: "b", value: 3, timestampMs: 7, recordCount: 3 };
  consume("a", 5, keyHash("a"));
  consume(partial, Number.NaN, keyHash("b"));
  expect(seen).toEqual([
    ["a", 5, "a"],
    ["partial 3", 7, "b"],
  ]);
  expect(cursor.recordsIn).toBe(4);
  expect(() => consume("no partial", Number.NaN, 0)).toThrow("is no partial");
  compileKeyedEntry({ ...entry, isCombined: false })("c", Number.NaN, keyHash("c"));
  expect(seen.at(-1)).toEqual(["c", Number.NaN, "c"]);
});

test("records of a second input reach the operator as such, by a key of their own", () => {
  const seen: unknown[] = [];
  const operator: Operator = {
    open: () => {},
    onRecord: (value, timestampMs) => void seen.push(["first", value, timestampMs]),
    onSecond: (value, timestampMs) =>
      void seen.push(["second", value, timestampMs, keyed.currentKey()]),
  };
  const { chain, cursor } = compiled([{ kind: "operator", name: "both", operator }]);
  const groups = { start: 0, end: 7 };
  const keyed = createHeapBackend({ operatorName: "both", groups, maxParallelism: 8 });
  const entry = { keyed, chain, cursor, keyStep: 1, isCombined: false };
  const selectKey = ({ id }: { id: string }): string => id;
  compileKeyedEntry({ ...entry, selectKey, isSecond: true })({ id: "b" }, 5, keyHash("b"));
  compileKeyedEntry({ ...entry, selectKey: () => "a", isSecond: false })(1, 6, keyHash("a"));
  expect(seen).toEqual([
    ["second", { id: "b" }, 5, "b"],
    ["first", 1, 6],
  ]);
  expect(cursor.recordsIn).toBe(2);
});

test("several consumers of a step each take its results, whatever the others drop or emit", () => {
  const taken: string[] = [];
  const into = (name: string) => ({
    ...gateInto([]),
    emit: (value: unknown, timestampMs: number) =>
      void taken.push(`${name} ${String(value)} at ${timestampMs}`),
  });
  const cursor = createChainCursor();
  const chain = compileChain({
    steps: [
      { kind: "filter", name: "even", after: -1, call: (value: number) => value % 2 === 0 },
      { kind: "flat-map", name: "twice", after: -1, call: (value: number) => [value, -value] },
      { kind: "map", name: "tens", after: 0, call: (value: number) => value * 10 },
      { kind: "map", name: "sum", after: 1, call: (value: number) => value + 1 },
      { kind: "filter", name: "positive", after: 1, call: (value: number) => value > 0 },
    ],
    gates: [
      { gate: into("all"), after: -1 },
      { gate: into("tens"), after: 2 },
      { gate: into("sums"), after: 3 },
      { gate: into("positive"), after: 4 },
      { gate: into("twice"), after: 1 },
    ],
    cursor,
  });
  chain.run(1, 5);
  expect(taken.toSorted()).toEqual([
    "all 1 at 5",
    "positive 1 at 5",
    "sums 0 at 5",
    "sums 2 at 5",
    "twice -1 at 5",
    "twice 1 at 5",
  ]);
  taken.length = 0;
  chain.run(2, 6);
  expect(taken).toHaveLength(7);
  expect(taken).toContain("tens 20 at 6");
  expect(cursor.recordsOut).toBe(6 + 7);
});

test("what an operator emits reaches all that follow it, and the operator goes on as itself", () => {
  const taken: unknown[] = [];
  const steps: number[] = [];
  const cursor = createChainCursor();
  let output: Output | undefined;
  const operator: Operator = {
    open: () => {},
    onRecord: (value, timestampMs) => {
      output?.emit(value, timestampMs);
      steps.push(cursor.step);
    },
  };
  const chain = compileChain({
    steps: [
      { kind: "operator", name: "twofold", operator },
      { kind: "map", name: "left", after: 0, call: (value: string) => `${value} left` },
      { kind: "map", name: "right", after: 0, call: (value: string) => `${value} right` },
    ],
    gates: [
      { gate: gateInto(taken), after: 1 },
      { gate: gateInto(taken), after: 2 },
    ],
    cursor,
  });
  [output] = chain.outputs;
  chain.run("a", 1);
  expect(taken).toEqual([
    ["a left", 1],
    ["a right", 1],
  ]);
  expect(steps).toEqual([0]);
});

test("nothing of a name enters the generated code", () => {
  const name = '"); throw new Error("injected"); ("';
  const { chain, emitted } = compiled([{ kind: "map", name, call: (value: unknown) => value }]);
  chain.run(1, 0);
  expect(emitted).toHaveLength(1);
});

test("a chain that is too long is refused", () => {
  const steps = Array.from({ length: maxChainSteps + 1 }, (_, index) => ({
    kind: "map" as const,
    after: index - 1,
  }));
  const gates = [{ kind: "plain" as const, after: maxChainSteps }];
  expect(() => chainSource({ steps, gates })).toThrow(/rebalance/);
});
