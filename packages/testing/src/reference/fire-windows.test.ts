import type { CustomTriggerSpec, EvictorSpec, TriggerSpec } from "@millrace/graph";
import { expect, test } from "vitest";

import { firingsOf } from "./fire-windows.ts";
import { runClockWindow } from "./run-clock-window.ts";

const inside = [3, 1, 4, 2].map((value) => ({ value, atMs: value, input: 0 }));

function valuesFired(trigger?: TriggerSpec, evictor?: EvictorSpec): readonly unknown[] {
  const firings = firingsOf({ key: "k", start: 0, end: 10, inside, trigger, evictor });
  return firings.map((records) => records.map(({ value }) => value));
}

test("without a trigger, by the watermark, and of a continuous one for the last time, a window fires whole", () => {
  const continuous = { kind: "continuous", intervalMs: 2, time: "event" } as const;
  const triggers = [undefined, { kind: "event-time" } as const, continuous];
  expect(triggers.map((trigger) => valuesFired(trigger))).toEqual([
    [[3, 1, 4, 2]],
    [[3, 1, 4, 2]],
    [[3, 1, 4, 2]],
  ]);
  expect(valuesFired({ kind: "never" })).toEqual([]);
});

test("an author's trigger decides at each record, and at its timers once all records have come", () => {
  interface Context {
    readonly timers: { atEventTime(timeMs: number): void };
  }
  const trigger: CustomTriggerSpec = {
    kind: "custom",
    onRecord: (value: number, { timers }: Context) => {
      timers.atEventTime(9);
      return value === 1 ? "fire-and-purge" : "continue";
    },
    onEventTime: () => "fire",
  };
  expect(valuesFired(trigger)).toEqual([
    [3, 1],
    [4, 2],
  ]);
});

test("an author's evictor chooses records; without any that are left nothing fires", () => {
  const keepAbove = (least: number): EvictorSpec => ({
    kind: "custom",
    before: (records: readonly { readonly value: number }[]) =>
      records.filter(({ value }) => value > least),
  });
  expect(valuesFired(undefined, keepAbove(2))).toEqual([[3, 4]]);
  expect(valuesFired(undefined, keepAbove(4))).toEqual([]);
});

test("what goes by the clock is refused", () => {
  expect(() => valuesFired({ kind: "processing-time" })).toThrow("does not know when");
  const continuous = { kind: "continuous", intervalMs: 2, time: "processing" } as const;
  expect(() => valuesFired(continuous)).toThrow("nobody knows the clock");
});

test("of windows of processing time each record comes out by itself, as often as it lies in one", () => {
  const aggregate = {
    create: () => [],
    add: (values: unknown[], value: unknown) => void values.push(value),
    merge: () => {},
    emitsItself: true,
    result: (values: readonly unknown[], ctx: { emit(value: unknown): void }) => ctx.emit(values),
  } as const;
  const shared = { offsetMs: 0, time: "processing" } as const;
  const emit = (assigner: Parameters<typeof runClockWindow>[0]["assigner"]) =>
    runClockWindow({ assigner, aggregate }, { key: "k", records: inside }, new Map()).map(
      ({ value }) => value,
    );
  expect(emit({ kind: "tumbling", sizeMs: 5, ...shared })).toEqual([[3], [1], [4], [2]]);
  expect(emit({ kind: "sliding", sizeMs: 4, slideMs: 2, ...shared })).toHaveLength(8);
});
