import type { Clock } from "@millrace/core";
import { expect, test } from "vitest";

import { createRetryBudget } from "./retry-budget.ts";

interface ManualClock extends Clock {
  readonly waits: number[];
  pass(ms: number): void;
}

function createManualClock(): ManualClock {
  let nowMs = 0;
  const waits: number[] = [];
  return {
    waits,
    pass: (ms) => {
      nowMs += ms;
    },
    monotonicMs: () => nowMs,
    wallMs: () => nowMs,
    schedule(delayMs) {
      waits.push(delayMs);
      return { [Symbol.dispose]: () => {} };
    },
  };
}

const signal = new AbortController().signal;

test("so many tries go at once, the next ones one behind the other at the rate (F10)", async () => {
  const clock = createManualClock();
  const budget = createRetryBudget(clock, { capacity: 3, perSecond: 2 });
  await budget.spend(signal);
  await budget.spend(signal);
  await budget.spend(signal);
  for (let caller = 0; caller < 4; caller += 1) void budget.spend(signal);
  expect(clock.waits).toEqual([500, 1_000, 1_500, 2_000]);
});

test("time fills it again, up to its capacity", async () => {
  const clock = createManualClock();
  const budget = createRetryBudget(clock, { capacity: 2, perSecond: 10 });
  await budget.spend(signal);
  await budget.spend(signal);
  clock.pass(3_600_000);
  await budget.spend(signal);
  await budget.spend(signal);
  expect(clock.waits).toEqual([]);
  void budget.spend(signal);
  expect(clock.waits).toEqual([100]);
});

test("who gives up while it waits spends nothing", async () => {
  const clock = createManualClock();
  const budget = createRetryBudget(clock, { capacity: 1, perSecond: 1 });
  await budget.spend(signal);
  const controller = new AbortController();
  const given = Array.from({ length: 50 }, () => budget.spend(controller.signal));
  const outcome = Promise.allSettled(given);
  controller.abort(new Error("enough"));
  expect((await outcome).every(({ status }) => status === "rejected")).toBe(true);
  void budget.spend(signal);
  expect(clock.waits.at(-1)).toBe(1_000);
});
