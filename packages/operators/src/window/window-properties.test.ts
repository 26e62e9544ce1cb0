import {
  paneLayoutOf,
  type SlidingWindows,
  type TumblingWindows,
  type WindowSpec,
} from "@millrace/graph";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { Operator } from "../operator.ts";
import { testBackends } from "../test-backends.ts";
import { createGeneralWindowOperator } from "./general-window-operator.ts";
import { WindowDriver } from "./test-driver.ts";
import { compareWithNaive, stepsOf, type NaiveWindows, type WindowEvent } from "./test-steps.ts";
import { createWindowOperator } from "./window-operator.ts";

interface Settings {
  readonly assigner: TumblingWindows | SlidingWindows;
  readonly allowedLatenessMs: number;
  /** Whether `add` and `merge` return new accumulators. */
  readonly isReplacing: boolean;
}

interface Total {
  count: number;
}

const aggregates: Record<"mutating" | "replacing", Omit<WindowSpec["aggregate"], "result">> = {
  mutating: {
    create: (): Total => ({ count: 0 }),
    add: (total: Total) => {
      total.count += 1;
    },
    merge: (into: Total, from: Total) => {
      into.count += from.count;
    },
  },
  replacing: {
    create: (): Total => ({ count: 0 }),
    add: ({ count }: Total) => ({ count: count + 1 }),
    merge: (left: Total, right: Total) => ({ count: left.count + right.count }),
  },
};

function specOf({ assigner, allowedLatenessMs, isReplacing }: Settings): WindowSpec {
  return {
    kind: "window",
    assigner,
    allowedLatenessMs,
    aggregate: {
      ...aggregates[isReplacing ? "replacing" : "mutating"],
      result: (
        { count }: Total,
        { key, window }: { key: string; window: { start: number; end: number } },
      ) => `${key} [${window.start}, ${window.end}) ${count}`,
    },
  };
}

const settings: fc.Arbitrary<Settings> = fc
  .record({
    slideMs: fc.integer({ min: 1, max: 24 }),
    extraMs: fc.integer({ min: 0, max: 24 }),
    offsetMs: fc.integer({ min: -9, max: 9 }),
    isTumbling: fc.boolean(),
    allowedLatenessMs: fc.oneof(fc.constant(0), fc.nat({ max: 20 })),
    isReplacing: fc.boolean(),
  })
  .map(({ slideMs, extraMs, offsetMs, isTumbling, ...rest }) => ({
    ...rest,
    assigner: isTumbling
      ? { kind: "tumbling", sizeMs: slideMs, offsetMs }
      : { kind: "sliding", sizeMs: slideMs + extraMs, slideMs, offsetMs },
  }));

interface NaiveWindow {
  readonly key: string;
  readonly start: number;
  readonly end: number;
  count: number;
}

/** Every window on its own: a count per window and key. */
class NaiveAligned implements NaiveWindows<WindowEvent> {
  readonly results: string[] = [];
  lateCount = 0;
  #watermarkMs = -Infinity;
  readonly #windows = new Map<string, NaiveWindow>();
  readonly #settings: Settings;

  constructor(given: Settings) {
    this.#settings = given;
  }

  push(key: string, { atMs }: WindowEvent): void {
    const { assigner, allowedLatenessMs } = this.#settings;
    const { sizeMs, slideMs, offsetMs } = paneLayoutOf(assigner);
    let isTaken = false;
    for (let start = offsetMs - 1_000 * slideMs; start <= atMs; start += slideMs) {
      const end = start + sizeMs;
      if (atMs >= end || end - 1 + allowedLatenessMs <= this.#watermarkMs) continue;
      isTaken = true;
      const name = `${key} ${start}`;
      const window = this.#windows.get(name) ?? { key, start, end, count: 0 };
      window.count += 1;
      this.#windows.set(name, window);
      if (end - 1 <= this.#watermarkMs) this.#emit(window);
    }
    if (!isTaken) this.lateCount += 1;
  }

  advance(watermarkMs: number): void {
    for (const window of this.#windows.values()) {
      const lastMs = window.end - 1;
      if (lastMs > this.#watermarkMs && lastMs <= watermarkMs) this.#emit(window);
    }
    this.#watermarkMs = watermarkMs;
  }

  #emit({ key, start, end, count }: NaiveWindow): void {
    this.results.push(`${key} [${start}, ${end}) ${count}`);
  }
}

/** Both can do the same windows; which of them does, the API decides. */
const operators: readonly (readonly [string, (spec: WindowSpec) => Operator])[] = [
  ["in panes", createWindowOperator],
  [
    "with a state for each",
    (spec) => createGeneralWindowOperator({ ...spec, kind: "general-window" }),
  ],
];

describe.each(operators)("windows %s", (_kind, createOperator) => {
  test.each(testBackends)(
    "are those of a naive model, over pauses, restores and lateness, on %s (S12)",
    (_name, create) => {
      const steps = stepsOf(fc.record({ atMs: fc.integer({ min: -60, max: 120 }) }));
      fc.assert(
        fc.property(settings, steps, (given, all) => {
          const driver = new WindowDriver(() => createOperator(specOf(given)), create());
          const { actual, expected } = compareWithNaive(all, driver, new NaiveAligned(given));
          expect(actual).toEqual(expected);
        }),
        { numRuns: 300 },
      );
    },
  );
});
