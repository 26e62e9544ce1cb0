import type { SlidingWindows, TumblingWindows, WindowSpec } from "@millrace/graph";
import fc from "fast-check";
import { expect, test } from "vitest";

import type { Operator } from "../operator.ts";
import { setKey, testBackends, type BackendUnderTest } from "../test-backends.ts";
import { createTestContext } from "../test-context.ts";
import { createWindowOperator } from "./window-operator.ts";

/** Keys that number tables have, and one that they refuse. */
const keys: readonly unknown[] = ["a", "b", 1, 2, ["a", 1]];

interface Added {
  readonly keyIndex: number;
  readonly timeMs: number;
  readonly amount: number;
}

/** An aggregate of plain numbers; amounts are small integers, so that their order shows nowhere. */
const folds = {
  count: { first: 0, add: (value: number) => value + 1, merge: (a: number, b: number) => a + b },
  sum: {
    first: 0,
    add: (value: number, amount: number) => value + amount,
    merge: (a: number, b: number) => a + b,
  },
  max: {
    first: -Infinity,
    add: (value: number, amount: number) => Math.max(value, amount),
    merge: (a: number, b: number) => Math.max(a, b),
  },
} as const;

type Assigner = TumblingWindows | SlidingWindows;

function specOf(fold: keyof typeof folds, assigner: Assigner): WindowSpec {
  const { first, add, merge } = folds[fold];
  return {
    kind: "window",
    assigner,
    allowedLatenessMs: 0,
    aggregate: {
      create: () => first,
      add,
      merge,
      result: (value: number, { key, window }: { key: unknown; window: { start: number } }) =>
        `${JSON.stringify(key)} ${window.start} ${value}`,
    },
  };
}

/** Returns what windows that end by then come to, each by itself. */
function naiveResults(
  fold: keyof typeof folds,
  assigner: Assigner,
  records: readonly Added[],
): readonly string[] {
  const slideMs = assigner.kind === "sliding" ? assigner.slideMs : assigner.sizeMs;
  const { first, add } = folds[fold];
  const values = new Map<string, number>();
  for (const { keyIndex, timeMs, amount } of records) {
    const lastStart = Math.floor(timeMs / slideMs) * slideMs;
    for (let start = lastStart; start > timeMs - assigner.sizeMs; start -= slideMs) {
      const name = `${JSON.stringify(keys[keyIndex])} ${start}`;
      values.set(name, add(values.get(name) ?? first, amount));
    }
  }
  return [...values].map(([name, value]) => `${name} ${value}`).toSorted();
}

const assigner: fc.Arbitrary<Assigner> = fc.oneof(
  fc.constant({ kind: "tumbling" as const, sizeMs: 7, offsetMs: 0 }),
  fc
    .record({ slideMs: fc.integer({ min: 1, max: 9 }), extraMs: fc.nat({ max: 30 }) })
    .map(({ slideMs, extraMs }) => ({
      kind: "sliding" as const,
      sizeMs: slideMs + extraMs,
      slideMs,
      offsetMs: 0,
    })),
);

const turn = fc.record({
  records: fc.array(
    fc.record({
      keyIndex: fc.nat({ max: keys.length - 1 }),
      aheadMs: fc.nat({ max: 20 }),
      amount: fc.integer({ min: -5, max: 5 }),
    }),
    { maxLength: 20, size: "max" },
  ),
  byMs: fc.nat({ max: 15 }),
  pauses: fc.array(fc.boolean(), { maxLength: 30, size: "max" }),
  isRestored: fc.boolean(),
});

test.each(testBackends)(
  "numbers as accumulators come to what each window by itself would, over pauses and restores, on %s (S12)",
  (_name, createBackend) => {
    const fold = fc.constantFrom("count" as const, "sum" as const, "max" as const);
    fc.assert(
      fc.property(
        fold,
        assigner,
        fc.array(turn, { maxLength: 12, size: "max" }),
        (name, windows, turns) => {
          const spec = specOf(name, windows);
          const results: string[] = [];
          const records: Added[] = [];
          let watermarkMs = -1;
          const open = (backend: BackendUnderTest): Operator => {
            const operator = createWindowOperator(spec);
            const { keyed } = backend;
            const { context } = createTestContext({ keyed, watermarkMs: () => watermarkMs });
            const emit = (value: unknown): void => void results.push(String(value));
            operator.open({ ...context, output: { emit } });
            return operator;
          };
          let backend = createBackend();
          let operator = open(backend);
          const advance = (toMs: number, pauses: boolean[]): void => {
            while (operator.advanceWatermark?.(toMs, () => pauses.pop() ?? false) === false);
            watermarkMs = toMs;
          };
          for (const { records: added, byMs, pauses, isRestored } of turns) {
            for (const { keyIndex, aheadMs, amount } of added) {
              const timeMs = watermarkMs + 1 + aheadMs;
              setKey(backend.keyed, keys[keyIndex]);
              operator.onRecord(amount, timeMs);
              records.push({ keyIndex, timeMs, amount });
            }
            advance(watermarkMs + byMs, [...pauses]);
            if (!isRestored) continue;
            backend = backend.restore();
            operator = open(backend);
          }
          advance(Infinity, []);
          expect(results.toSorted()).toEqual(naiveResults(name, windows, records));
          expect(backend.keyed.cellCount()).toBe(0);
        },
      ),
      { numRuns: 200 },
    );
  },
);
