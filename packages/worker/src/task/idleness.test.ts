import { expect, test } from "vitest";

import { VirtualTime } from "../test-kit/virtual-time.ts";
import { Idleness } from "./idleness.ts";

function idleAfter(afterMs: number) {
  const time = new VirtualTime();
  const wakes: number[] = [];
  const idleness = new Idleness(afterMs, time.clock, {
    wakeAfter: (delayMs) => wakes.push(time.nowMs() + delayMs),
  });
  idleness.begin();
  return { time, wakes, idleness };
}

test("what reads nothing becomes idle once, after its time, and asks to be woken for it", () => {
  const { time, wakes, idleness } = idleAfter(100);
  expect(wakes).toEqual([100]);
  time.spend(99);
  expect(idleness.onQuiet()).toBe(false);
  time.spend(1);
  expect(idleness.onQuiet()).toBe(true);
  time.spend(500);
  expect(idleness.onQuiet()).toBe(false);
});

test("it is active again with the next record, and its time begins anew", () => {
  const { time, wakes, idleness } = idleAfter(100);
  time.spend(100);
  expect(idleness.onQuiet()).toBe(true);
  expect(idleness.onActive()).toBe(true);
  expect(idleness.onActive()).toBe(false);
  time.spend(60);
  expect(idleness.onQuiet()).toBe(false);
  expect(wakes.at(-1)).toBe(200);
  time.spend(40);
  expect(idleness.onQuiet()).toBe(true);
});
