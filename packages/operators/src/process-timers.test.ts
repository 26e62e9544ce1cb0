import type { ProcessSpec } from "@millrace/graph";
import { describe, expect, test } from "vitest";

import { createProcessOperator } from "./process.ts";
import { setKey, testBackends, type BackendUnderTest } from "./test-backends.ts";
import { createTestContext } from "./test-context.ts";

interface Context {
  readonly key: string;
  readonly timestamp: number;
  readonly timeDomain: "event-time" | "processing-time";
  readonly timers: {
    atEventTime(timeMs: number): void;
    atProcessingTime(timeMs: number): void;
    cancel(timeMs: number, domain?: "event-time" | "processing-time"): void;
  };
  processingTime(): number;
  emit(value: unknown): void;
}

const never = (): boolean => false;

function openProcess(
  spec: Pick<ProcessSpec, "onRecord"> & Partial<Pick<ProcessSpec, "onTimer">>,
  { keyed }: BackendUnderTest,
) {
  const operator = createProcessOperator({ kind: "process", state: {}, ...spec });
  const time = { watermarkMs: -Infinity, nowMs: 1_000 };
  const { context, recorded } = createTestContext({
    keyed,
    watermarkMs: () => time.watermarkMs,
    processingTimeMs: () => time.nowMs,
  });
  operator.open(context);
  return {
    push: (key: unknown, value: unknown, timestampMs: number): void => {
      setKey(keyed, key);
      operator.onRecord(value, timestampMs);
    },
    advanceWatermark: (watermarkMs: number): void => {
      operator.advanceWatermark?.(watermarkMs, never);
      time.watermarkMs = watermarkMs;
    },
    advanceTo: (nowMs: number, shouldPause = never): boolean => {
      time.nowMs = nowMs;
      return operator.advanceProcessingTime?.(nowMs, shouldPause) ?? true;
    },
    nextMs: () => operator.nextProcessingTimeMs?.(),
    values: () => recorded.emitted.map(({ value }) => value),
    recorded,
  };
}

/** A timer of processing time after each record's milliseconds. */
const delayed = {
  onRecord: (delayMs: number, ctx: Context) =>
    ctx.timers.atProcessingTime(ctx.processingTime() + delayMs),
  onTimer: (timeMs: number, ctx: Context) => ctx.emit([ctx.key, timeMs, ctx.timeDomain]),
};

describe.each(testBackends)("timers of processing time on %s", (_name, create) => {
  test("fire at their time by the clock, in order, with their key current, and once", () => {
    const { push, advanceTo, nextMs, values } = openProcess(delayed, create());
    expect(nextMs()).toBe(Infinity);
    push("ann", 20, 1);
    push("bob", 10, 2);
    expect(nextMs()).toBe(1_010);
    advanceTo(1_009);
    expect(values()).toEqual([]);
    advanceTo(1_020);
    advanceTo(9_999);
    expect(values()).toEqual([
      ["bob", 1_010, "processing-time"],
      ["ann", 1_020, "processing-time"],
    ]);
    expect(nextMs()).toBe(Infinity);
  });

  test("know nothing of the watermark, and timers of event time nothing of the clock", () => {
    const { push, advanceTo, advanceWatermark, values } = openProcess(
      {
        onRecord: (_value, ctx: Context) => {
          ctx.timers.atEventTime(50);
          ctx.timers.atProcessingTime(2_000);
        },
        onTimer: delayed.onTimer,
      },
      create(),
    );
    push("ann", "x", 1);
    advanceTo(1_999);
    advanceWatermark(49);
    expect(values()).toEqual([]);
    advanceWatermark(9_000);
    expect(values()).toEqual([["ann", 50, "event-time"]]);
    advanceTo(2_000);
    expect(values()).toHaveLength(2);
  });

  test("emit records without event time", () => {
    const { push, advanceTo, recorded } = openProcess(delayed, create());
    push("ann", 5, 77);
    advanceTo(1_005);
    expect(recorded.emitted).toEqual([
      { value: ["ann", 1_005, "processing-time"], timestampMs: -Infinity },
    ]);
  });

  test("are one per key and time, and are cancelled in their own domain only", () => {
    const { push, advanceTo, values } = openProcess(
      {
        onRecord: (value, ctx: Context) => {
          ctx.timers.atProcessingTime(1_005);
          ctx.timers.atProcessingTime(1_005);
          if (value === "wrong") ctx.timers.cancel(1_005);
          if (value === "right") ctx.timers.cancel(1_005, "processing-time");
        },
        onTimer: (_timeMs, ctx: Context) => ctx.emit(ctx.key),
      },
      create(),
    );
    push("ann", "wrong", 0);
    push("bob", "right", 0);
    advanceTo(1_005);
    expect(values()).toEqual(["ann"]);
  });

  test("registered for a time that is over fire with what is due next", () => {
    const { push, advanceTo, nextMs, values } = openProcess(delayed, create());
    push("ann", -900, 0);
    expect(nextMs()).toBe(100);
    advanceTo(1_000);
    expect(values()).toEqual([["ann", 100, "processing-time"]]);
  });

  test("stop when asked and go on where they stopped", () => {
    const { push, advanceTo, values } = openProcess(delayed, create());
    for (const key of ["a", "b", "c"]) push(key, 5, 0);
    let asked = 0;
    expect(advanceTo(1_005, () => (asked += 1) > 2)).toBe(false);
    expect(values()).toHaveLength(2);
    expect(advanceTo(1_005)).toBe(true);
    expect(values()).toHaveLength(3);
    expect(values()).toEqual(
      expect.arrayContaining(["a", "b", "c"].map((key) => [key, 1_005, "processing-time"])),
    );
  });

  test("that came due before a restore fire at once after it, each once", () => {
    const backend = create();
    const before = openProcess(delayed, backend);
    before.push("ann", 5, 0);
    before.push("bob", 60_000, 0);
    const after = openProcess(delayed, backend.restore());
    expect(after.nextMs()).toBe(1_005);
    after.advanceTo(30_000);
    after.advanceTo(30_001);
    expect(after.values()).toEqual([["ann", 1_005, "processing-time"]]);
    expect(after.nextMs()).toBe(61_000);
  });

  test("do not fire after the end of input", () => {
    const { push, advanceWatermark, advanceTo, nextMs, values } = openProcess(delayed, create());
    push("ann", 5, 0);
    advanceWatermark(Infinity);
    expect(nextMs()).toBe(Infinity);
    advanceTo(9_000);
    expect(values()).toEqual([]);
  });

  test("at NaN are refused by name", () => {
    const { push } = openProcess(delayed, create());
    expect(() => push("ann", Number.NaN, 0)).toThrow("timers.atProcessingTime(NaN)");
  });
});

describe.each(testBackends)("timers of both domains on %s", (_name, create) => {
  test("at one time fire for each key that has one, once each", () => {
    const { push, advanceWatermark, values } = openProcess(
      {
        onRecord: (_value, ctx: Context) => ctx.timers.atEventTime(10),
        onTimer: (_timeMs, ctx: Context) => ctx.emit(ctx.key),
      },
      create(),
    );
    for (const key of ["a", "b", "a"]) push(key, "x", 0);
    advanceWatermark(10);
    expect(values()).toHaveLength(2);
    expect(values()).toEqual(expect.arrayContaining(["a", "b"]));
  });

  test("belong to the key null as to any other", () => {
    const { push, advanceWatermark, advanceTo, values } = openProcess(
      {
        onRecord: (_value, ctx: Context) => {
          ctx.timers.atEventTime(10);
          ctx.timers.atProcessingTime(1_010);
        },
        onTimer: delayed.onTimer,
      },
      create(),
    );
    push(null, "x", 0);
    advanceTo(1_010);
    advanceWatermark(10);
    expect(values()).toEqual([
      [null, 1_010, "processing-time"],
      [null, 10, "event-time"],
    ]);
  });
});
