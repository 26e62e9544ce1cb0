import { expect, test } from "vitest";

import { createBackend, restore, use } from "./test-kit/backends.ts";
import { deltaBarrier, fullBarrier, takeSnapshot } from "./test-kit/snapshots.ts";

test("timers of the two domains at one time and key are two, over full and delta snapshots", () => {
  const live = createBackend();
  use(live, "a").timers("event-time").register(5);
  use(live, "a").timers("processing-time").register(5);
  const full = takeSnapshot(live, fullBarrier(1));
  use(live, "a").timers("event-time").remove(5);
  use(live, "b").timers("processing-time").register(3);
  const delta = takeSnapshot(live, deltaBarrier(2, { since: 1 }));
  const backend = restore(createBackend(), [...full, ...delta], 2);
  expect(backend.timers("event-time").nextTimeMs()).toBe(Infinity);
  const timers = backend.timers("processing-time");
  expect(timers.popDue(4)).toMatchObject({ timeMs: 3, key: "b" });
  expect(timers.popDue(4)).toBeUndefined();
  expect(timers.popDue(5)).toMatchObject({ timeMs: 5, key: "a" });
  expect(timers.popDue(Infinity)).toBeUndefined();
});

test("a block without timers of processing time is one that older programs read", () => {
  const live = createBackend();
  use(live, "a").timers().register(5);
  const [eventTime] = takeSnapshot(live, fullBarrier(1));
  use(live, "a").timers("processing-time").register(5);
  const [both] = takeSnapshot(live, fullBarrier(2));
  expect([eventTime?.bytes[0], both?.bytes[0]]).toEqual([2, 3]);
});
