import type { SlidingWindows, TumblingWindows, WindowSpec } from "@millrace/graph";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { Operator } from "../operator.ts";
import { setKey, testBackends, type BackendUnderTest } from "../test-backends.ts";
import { createTestContext, type Recorded } from "../test-context.ts";
import { createWindowOperator } from "./window-operator.ts";

type Assigner = TumblingWindows | SlidingWindows;

interface Settings {
  readonly assigner: Assigner;
  readonly allowedLatenessMs?: number;
  /** Whether `add` and `merge` return new accumulators. */
  readonly isReplacing?: boolean;
}

const tumbling = (sizeMs: number, offsetMs = 0): Assigner => ({
  kind: "tumbling",
  sizeMs,
  offsetMs,
});
const sliding = (sizeMs: number, slideMs: number, offsetMs = 0): Assigner => ({
  kind: "sliding",
  sizeMs,
  slideMs,
  offsetMs,
});

interface Sum {
  total: number;
}

function specOf({ assigner, allowedLatenessMs = 0, isReplacing = false }: Settings): WindowSpec {
  const addMutating = (sum: Sum, amount: number): void => {
    sum.total += amount;
  };
  const mergeMutating = (sum: Sum, other: Sum): void => {
    sum.total += other.total;
  };
  return {
    kind: "window",
    assigner,
    allowedLatenessMs,
    aggregate: {
      create: (): Sum => ({ total: 0 }),
      add: isReplacing ? (sum: Sum, n: number) => ({ total: sum.total + n }) : addMutating,
      merge: isReplacing ? (a: Sum, b: Sum) => ({ total: a.total + b.total }) : mergeMutating,
      result: (
        sum: Sum,
        { key, window }: { key: string; window: { start: number; end: number } },
      ) => `${key} [${window.start}, ${window.end}) ${sum.total}`,
    },
  };
}

/** An operator with the task's part of the contract: keys, watermarks, restores. */
class Driver {
  readonly recorded: Recorded;
  readonly #backend: BackendUnderTest;
  readonly #settings: Settings;
  readonly #operator: Operator;
  #watermarkMs: number;

  constructor(settings: Settings, backend: BackendUnderTest, watermarkMs = -Infinity) {
    this.#settings = settings;
    this.#backend = backend;
    this.#watermarkMs = watermarkMs;
    this.#operator = createWindowOperator(specOf(settings));
    const { context, recorded } = createTestContext({
      keyed: backend.keyed,
      watermarkMs: () => this.#watermarkMs,
    });
    this.recorded = recorded;
    this.#operator.open(context);
  }

  get cellCount(): number {
    return this.#backend.keyed.cellCount();
  }

  push(key: string, amount: number, timestampMs: number): void {
    setKey(this.#backend.keyed, key);
    this.#operator.onRecord(amount, timestampMs);
  }

  advance(watermarkMs: number, shouldPause: () => boolean = () => false): void {
    while (this.#operator.advanceWatermark?.(watermarkMs, shouldPause) === false);
    this.#watermarkMs = Math.max(watermarkMs, this.#watermarkMs);
  }

  restore(): Driver {
    return new Driver(this.#settings, this.#backend.restore(), this.#watermarkMs);
  }

  results(): readonly string[] {
    return this.recorded.emitted.map(({ value }) => String(value));
  }
}

describe.each(testBackends)("on %s", (_name, create) => {
  describe("tumbling windows", () => {
    test("fire when the watermark reaches the end - 1, with that as timestamp", () => {
      const driver = new Driver({ assigner: tumbling(10) }, create());
      driver.push("a", 1, 0);
      driver.push("a", 2, 9);
      driver.push("a", 4, 10);
      driver.advance(8);
      expect(driver.results()).toEqual([]);
      driver.advance(9);
      expect(driver.recorded.emitted).toEqual([{ value: "a [0, 10) 3", timestampMs: 9 }]);
      driver.advance(Infinity);
      expect(driver.results()).toEqual(["a [0, 10) 3", "a [10, 20) 4"]);
    });

    test("keep nothing once they have fired", () => {
      const driver = new Driver({ assigner: tumbling(10) }, create());
      for (let time = 0; time < 100; time += 1) driver.push(`k${time % 3}`, 1, time);
      driver.advance(89);
      expect(driver.cellCount).toBe(3);
      driver.advance(Infinity);
      expect(driver.cellCount).toBe(0);
    });

    test("a record of a window that has fired is dropped and counted", () => {
      const driver = new Driver({ assigner: tumbling(10) }, create());
      driver.push("a", 1, 5);
      driver.advance(9);
      driver.push("a", 1, 5);
      driver.push("b", 1, -3);
      driver.advance(Infinity);
      expect(driver.results()).toEqual(["a [0, 10) 1"]);
      expect(driver.recorded.late).toBe(2);
    });

    test("the offset shifts them", () => {
      const driver = new Driver({ assigner: tumbling(10, 3) }, create());
      driver.push("a", 1, 2);
      driver.push("a", 1, 3);
      driver.advance(Infinity);
      expect(driver.results()).toEqual(["a [-7, 3) 1", "a [3, 13) 1"]);
    });
  });

  test("a late record within the allowed lateness fires its windows again, for its key alone", () => {
    const driver = new Driver({ assigner: tumbling(10), allowedLatenessMs: 5 }, create());
    driver.push("a", 1, 5);
    driver.push("b", 1, 5);
    driver.advance(10);
    driver.push("a", 1, 6);
    expect(driver.results()).toEqual(["a [0, 10) 1", "b [0, 10) 1", "a [0, 10) 2"]);
    driver.advance(14);
    driver.push("a", 1, 6);
    expect(driver.results()).toHaveLength(3);
    expect(driver.recorded.late).toBe(1);
    expect(driver.cellCount).toBe(0);
  });

  test("what a window emitted is not changed by a later firing, though `result` gives its accumulator", () => {
    const spec = specOf({ assigner: tumbling(10), allowedLatenessMs: 50 });
    const operator = createWindowOperator({
      ...spec,
      aggregate: { ...spec.aggregate, result: (sum: Sum) => sum },
    });
    const { keyed } = create();
    const { context, recorded } = createTestContext({ keyed });
    operator.open(context);
    setKey(keyed, "a");
    operator.onRecord(1, 0);
    operator.advanceWatermark?.(9, () => false);
    setKey(keyed, "a");
    operator.onRecord(1, 0);
    expect(recorded.emitted.map(({ value }) => value)).toEqual([{ total: 1 }, { total: 2 }]);
  });

  test("a key in several panes of a sliding window fires once per window", () => {
    const driver = new Driver({ assigner: sliding(10, 5) }, create());
    driver.push("a", 1, 1);
    driver.push("a", 2, 6);
    driver.push("b", 4, 7);
    driver.advance(Infinity);
    expect(driver.results().toSorted()).toEqual([
      "a [-5, 5) 1",
      "a [0, 10) 3",
      "a [5, 15) 2",
      "b [0, 10) 4",
      "b [5, 15) 4",
    ]);
  });

  test("a record without event time is a bug of the plan, not a silent window", () => {
    const driver = new Driver({ assigner: tumbling(10) }, create());
    expect(() => driver.push("a", 1, -Infinity)).toThrow("without event time");
  });

  describe("against windows by brute force", () => {
    type Step =
      | { readonly kind: "record"; readonly key: string; readonly timestampMs: number }
      | { readonly kind: "watermark"; readonly byMs: number; readonly pauses: readonly boolean[] }
      | { readonly kind: "restore" };

    const step: fc.Arbitrary<Step> = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          kind: fc.constant("record" as const),
          key: fc.constantFrom("a", "b", "c"),
          timestampMs: fc.integer({ min: -60, max: 120 }),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          kind: fc.constant("watermark" as const),
          byMs: fc.nat({ max: 30 }),
          pauses: fc.array(fc.boolean(), { maxLength: 6 }),
        }),
      },
      { weight: 1, arbitrary: fc.constant({ kind: "restore" as const }) },
    );

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
          ? tumbling(slideMs, offsetMs)
          : sliding(slideMs + extraMs, slideMs, offsetMs),
      }));

    /** Every window on its own: a sum per window and key. */
    class NaiveWindows {
      readonly results: string[] = [];
      late = 0;
      #watermarkMs = -Infinity;
      readonly #sums = new Map<
        string,
        { key: string; start: number; end: number; total: number }
      >();
      readonly #settings: Settings;

      constructor(given: Settings) {
        this.#settings = given;
      }

      push(key: string, timestampMs: number): void {
        const { assigner, allowedLatenessMs = 0 } = this.#settings;
        const { sizeMs, offsetMs } = assigner;
        const slideMs = assigner.kind === "sliding" ? assigner.slideMs : sizeMs;
        let isTaken = false;
        for (let start = offsetMs - 1_000 * slideMs; start <= timestampMs; start += slideMs) {
          const end = start + sizeMs;
          if (timestampMs >= end || end - 1 + allowedLatenessMs <= this.#watermarkMs) continue;
          isTaken = true;
          const name = `${key} ${start}`;
          const sum = this.#sums.get(name) ?? { key, start, end, total: 0 };
          sum.total += 1;
          this.#sums.set(name, sum);
          if (end - 1 <= this.#watermarkMs) this.#emit(sum);
        }
        if (!isTaken) this.late += 1;
      }

      advance(watermarkMs: number): void {
        for (const sum of this.#sums.values()) {
          if (sum.end - 1 > this.#watermarkMs && sum.end - 1 <= watermarkMs) this.#emit(sum);
        }
        this.#watermarkMs = watermarkMs;
      }

      #emit({
        key,
        start,
        end,
        total,
      }: {
        key: string;
        start: number;
        end: number;
        total: number;
      }) {
        this.results.push(`${key} [${start}, ${end}) ${total}`);
      }
    }

    test("every window fires once with all of its records, over pauses, restores and lateness (S12)", () => {
      fc.assert(
        fc.property(settings, fc.array(step, { maxLength: 60 }), (given, steps) => {
          const naive = new NaiveWindows(given);
          const results: string[] = [];
          let late = 0;
          let driver = new Driver(given, create());
          const collect = (): void => {
            results.push(...driver.results());
            late += driver.recorded.late;
          };
          let watermarkMs = -60;
          for (const next of [...steps, { kind: "watermark", byMs: 1e9, pauses: [] } as const]) {
            if (next.kind === "record") {
              driver.push(next.key, 1, next.timestampMs);
              naive.push(next.key, next.timestampMs);
            } else if (next.kind === "watermark") {
              const pauses = [...next.pauses];
              watermarkMs += next.byMs;
              driver.advance(watermarkMs, () => pauses.pop() ?? false);
              naive.advance(watermarkMs);
            } else {
              collect();
              driver = driver.restore();
            }
          }
          collect();
          expect(results.toSorted()).toEqual(naive.results.toSorted());
          expect(late).toBe(naive.late);
          expect(driver.cellCount).toBe(0);
        }),
        { numRuns: 300 },
      );
    });
  });
});

describe("edges of time", () => {
  const [, create] = testBackends[1] ?? fail();

  test("an element at exactly the watermark is taken while its window is open, and late behind it", () => {
    const driver = new Driver({ assigner: tumbling(10) }, create());
    driver.push("a", 1, 3);
    driver.advance(8);
    driver.push("a", 2, 8);
    driver.advance(9);
    driver.push("a", 4, 9);
    expect(driver.results()).toEqual(["a [0, 10) 3"]);
    expect(driver.recorded.late).toBe(1);
  });

  test("a window that ends at or behind the largest timestamp fires at the end of input", () => {
    const driver = new Driver({ assigner: tumbling(10) }, create());
    const lastStart = Math.floor(Number.MAX_SAFE_INTEGER / 10) * 10;
    driver.push("a", 1, Number.MAX_SAFE_INTEGER);
    driver.push("a", 2, lastStart);
    driver.advance(Number.MAX_SAFE_INTEGER - 10);
    expect(driver.results()).toEqual([]);
    driver.advance(Infinity);
    expect(driver.results()).toEqual([`a [${lastStart}, ${lastStart + 10}) 3`]);
  });

  test("an event time beyond the safe integers fails the job instead of running in circles", () => {
    const driver = new Driver({ assigner: sliding(10, 5) }, create());
    expect(() => driver.push("a", 1, 1e300)).toThrow(
      expect.objectContaining({ code: "invalid-argument", domain: "user" }),
    );
  });

  test("records of equal timestamps all count", () => {
    const driver = new Driver({ assigner: tumbling(10) }, create());
    for (let count = 0; count < 5; count += 1) driver.push("a", 1, 7);
    driver.advance(Infinity);
    expect(driver.results()).toEqual(["a [0, 10) 5"]);
  });

  test("a window without records emits nothing", () => {
    const driver = new Driver({ assigner: sliding(10, 5) }, create());
    driver.push("a", 1, 0);
    driver.push("a", 1, 100);
    driver.advance(Infinity);
    expect(driver.results()).toHaveLength(4);
  });
});

describe("what an author reads besides results", () => {
  const [, create] = testBackends[1] ?? fail();

  test("records too late for all their windows go to the side output for them, and are not counted", () => {
    const { keyed } = create();
    const operator = createWindowOperator({
      ...specOf({ assigner: tumbling(10) }),
      lateTag: "late",
    });
    const { context, recorded } = createTestContext({ keyed });
    operator.open(context);
    setKey(keyed, "a");
    operator.onRecord(1, 5);
    operator.advanceWatermark?.(9, () => false);
    operator.onRecord(2, 9);
    expect(recorded.side.get("late")).toEqual([[2, 9]]);
    expect(recorded.late).toBe(0);
  });

  test("a function over a window emits what it likes, also aside, with the window's time", () => {
    const { keyed } = create();
    const spec = specOf({ assigner: tumbling(10) });
    interface Context {
      readonly key: string;
      readonly window: { readonly start: number };
      emit(value: unknown): void;
      emitTo(tag: { readonly name: string }, value: unknown): void;
    }
    const result = (sum: Sum, ctx: Context): void => {
      ctx.emit(`${ctx.key} ${ctx.window.start} ${sum.total}`);
      ctx.emit("again");
      ctx.emitTo({ name: "totals" }, sum.total);
    };
    const operator = createWindowOperator({
      ...spec,
      aggregate: { ...spec.aggregate, result, emitsItself: true },
    });
    const { context, recorded } = createTestContext({ keyed });
    operator.open(context);
    setKey(keyed, "a");
    operator.onRecord(1, 5);
    operator.advanceWatermark?.(Infinity, () => false);
    expect(recorded.emitted).toEqual([
      { value: "a 0 1", timestampMs: 9 },
      { value: "again", timestampMs: 9 },
    ]);
    expect(recorded.side.get("totals")).toEqual([[1, 9]]);
  });
});

function fail(): never {
  throw new Error("there is a backend");
}
