import { parseWorkerId, type WorkerId } from "@millrace/core";
import { expect, test } from "vitest";

import { VirtualTime } from "../test-kit/virtual-time.ts";
import { createFailureDetector } from "./failure-detector.ts";

const worker = parseWorkerId("w1");

function create(): {
  time: VirtualTime;
  silent: WorkerId[];
  detector: ReturnType<typeof createFailureDetector>;
} {
  const time = new VirtualTime();
  const silent: WorkerId[] = [];
  const detector = createFailureDetector({
    clock: time,
    intervalMs: 1_000,
    timeoutMs: 5_000,
    onSilent: (workerId) => silent.push(workerId),
  });
  return { time, silent, detector };
}

test("a silent worker is reported once, after the timeout and within an interval", async () => {
  const { time, silent, detector } = create();
  detector.heard(worker);
  await time.advance(5_000);
  expect(silent).toEqual([]);
  await time.advance(1_000);
  expect(silent).toEqual([worker]);
  await time.advance(20_000);
  expect(silent).toEqual([worker]);
});

test("a worker that is heard of stays, one that is forgotten is not missed", async () => {
  const { time, silent, detector } = create();
  detector.heard(worker);
  await time.advance(4_000);
  detector.heard(worker);
  await time.advance(4_000);
  detector.forget(worker);
  await time.advance(20_000);
  expect(silent).toEqual([]);
});

test("after dispose no timer is left", () => {
  const { time, detector } = create();
  detector[Symbol.dispose]();
  expect(time.pendingCount()).toBe(0);
});
