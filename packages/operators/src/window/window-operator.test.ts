import type { SlidingWindows, TumblingWindows, WindowSpec } from "@millrace/graph";
import { describe, expect, test } from "vitest";

import { setKey, testBackends, type BackendUnderTest } from "../test-backends.ts";
import { createTestContext } from "../test-context.ts";
import { WindowDriver } from "./test-driver.ts";
import { createWindowOperator } from "./window-operator.ts";

type Assigner = TumblingWindows | SlidingWindows;

interface Settings {
  readonly assigner: Assigner;
  readonly allowedLatenessMs?: number;
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

function specOf({ assigner, allowedLatenessMs = 0 }: Settings): WindowSpec {
  return {
    kind: "window",
    assigner,
    allowedLatenessMs,
    aggregate: {
      create: (): Sum => ({ total: 0 }),
      add: (sum: Sum, amount: number) => {
        sum.total += amount;
      },
      merge: (into: Sum, from: Sum) => {
        into.total += from.total;
      },
      result: (
        sum: Sum,
        { key, window }: { key: string; window: { start: number; end: number } },
      ) => `${key} [${window.start}, ${window.end}) ${sum.total}`,
    },
  };
}

function open(settings: Settings, backend: BackendUnderTest): WindowDriver {
  return new WindowDriver(() => createWindowOperator(specOf(settings)), backend);
}

describe.each(testBackends)("on %s", (_name, create) => {
  describe("tumbling windows", () => {
    test("fire when the watermark reaches the end - 1, with that as timestamp", () => {
      const driver = open({ assigner: tumbling(10) }, create());
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
      const driver = open({ assigner: tumbling(10) }, create());
      for (let time = 0; time < 100; time += 1) driver.push(`k${time % 3}`, 1, time);
      driver.advance(89);
      expect(driver.cellCount).toBe(3);
      driver.advance(Infinity);
      expect(driver.cellCount).toBe(0);
    });

    test("a record of a window that has fired is dropped and counted", () => {
      const driver = open({ assigner: tumbling(10) }, create());
      driver.push("a", 1, 5);
      driver.advance(9);
      driver.push("a", 1, 5);
      driver.push("b", 1, -3);
      driver.advance(Infinity);
      expect(driver.results()).toEqual(["a [0, 10) 1"]);
      expect(driver.recorded.late).toBe(2);
    });

    test("the offset shifts them", () => {
      const driver = open({ assigner: tumbling(10, 3) }, create());
      driver.push("a", 1, 2);
      driver.push("a", 1, 3);
      driver.advance(Infinity);
      expect(driver.results()).toEqual(["a [-7, 3) 1", "a [3, 13) 1"]);
    });
  });

  test("a late record within the allowed lateness fires its windows again, for its key alone", () => {
    const driver = open({ assigner: tumbling(10), allowedLatenessMs: 5 }, create());
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
    const driver = open({ assigner: sliding(10, 5) }, create());
    driver.push("a", 1, 1);
    driver.push("a", 2, 6);
    driver.push("b", 4, 7);
    driver.advance(Infinity);
    expect(driver.sorted()).toEqual([
      "a [-5, 5) 1",
      "a [0, 10) 3",
      "a [5, 15) 2",
      "b [0, 10) 4",
      "b [5, 15) 4",
    ]);
  });

  test("fire by their end, whatever the order in which their records came", () => {
    const driver = open({ assigner: sliding(10, 5) }, create());
    for (const atMs of [31, 2, 17, 8, 26]) driver.push("a", 1, atMs);
    driver.advance(Infinity);
    const times = driver.recorded.emitted.map(({ timestampMs }) => timestampMs);
    expect(times).toEqual([4, 9, 14, 19, 24, 29, 34, 39]);
  });

  test("a record without event time is a bug of the plan, not a silent window", () => {
    const driver = open({ assigner: tumbling(10) }, create());
    expect(() => driver.push("a", 1, -Infinity)).toThrow("without event time");
  });
});

describe("edges of time", () => {
  const [, create] = testBackends[1] ?? fail();

  test("an element at exactly the watermark is taken while its window is open, and late behind it", () => {
    const driver = open({ assigner: tumbling(10) }, create());
    driver.push("a", 1, 3);
    driver.advance(8);
    driver.push("a", 2, 8);
    driver.advance(9);
    driver.push("a", 4, 9);
    expect(driver.results()).toEqual(["a [0, 10) 3"]);
    expect(driver.recorded.late).toBe(1);
  });

  test("a window that ends at or behind the largest timestamp fires at the end of input", () => {
    const driver = open({ assigner: tumbling(10) }, create());
    const lastStart = Math.floor(Number.MAX_SAFE_INTEGER / 10) * 10;
    driver.push("a", 1, Number.MAX_SAFE_INTEGER);
    driver.push("a", 2, lastStart);
    driver.advance(Number.MAX_SAFE_INTEGER - 10);
    expect(driver.results()).toEqual([]);
    driver.advance(Infinity);
    expect(driver.results()).toEqual([`a [${lastStart}, ${lastStart + 10}) 3`]);
  });

  test("an event time beyond the safe integers fails the job instead of running in circles", () => {
    const driver = open({ assigner: sliding(10, 5) }, create());
    expect(() => driver.push("a", 1, 1e300)).toThrow(
      expect.objectContaining({ code: "invalid-argument", domain: "user" }),
    );
  });

  test("records of equal timestamps all count", () => {
    const driver = open({ assigner: tumbling(10) }, create());
    for (let count = 0; count < 5; count += 1) driver.push("a", 1, 7);
    driver.advance(Infinity);
    expect(driver.results()).toEqual(["a [0, 10) 5"]);
  });

  test("a window without records emits nothing", () => {
    const driver = open({ assigner: sliding(10, 5) }, create());
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
