import { expect, test } from "vitest";

import { timeToLiveOf } from "./time-to-live-of.ts";

const times = { timestampMs: () => 50, watermarkMs: () => 40, processingTimeMs: () => 1_000 };

test("by event time, what reads or writes counts as at its own time", () => {
  const ttl = timeToLiveOf({ afterMs: 10, by: "event-time", refresh: "write" }, times);
  expect([ttl.nowMs(), ttl.passedMs(), ttl.refreshesOnRead]).toEqual([50, 40, false]);
});

test("by event time, a late record counts as at the watermark", () => {
  const late = { ...times, timestampMs: () => 30 };
  const ttl = timeToLiveOf({ afterMs: 10, by: "event-time", refresh: "read-and-write" }, late);
  expect([ttl.nowMs(), ttl.passedMs(), ttl.refreshesOnRead]).toEqual([40, 40, true]);
});

test("by processing time, the clock alone counts", () => {
  const ttl = timeToLiveOf({ afterMs: 10, by: "processing-time", refresh: "write" }, times);
  expect([ttl.nowMs(), ttl.passedMs()]).toEqual([1_000, 1_000]);
});
