import { expect, test } from "vitest";

import { defaultCounts, drawSchedule } from "./schedule.ts";

test("200 kills are 160 of workers and 40 of leaders, with 20 pauses and 10 outages of each store", () => {
  const schedule = drawSchedule(defaultCounts(200), 1);
  const kinds = Map.groupBy(schedule, ({ action }) => action.kind);
  const counts = Object.fromEntries([...kinds].map(([kind, faults]) => [kind, faults.length]));
  expect(counts).toEqual({
    "kill-worker": 160,
    "kill-leader": 40,
    "kill-all": 2,
    "pause-worker": 10,
    "pause-leader": 5,
    "pause-standby": 5,
    "s3-outage": 10,
    "etcd-outage": 10,
    "link-fault": 10,
  });
  const majorities = schedule.filter(
    ({ action }) => action.kind === "etcd-outage" && action.members === 2,
  );
  expect(majorities).toHaveLength(1);
});

test("a seed decides the schedule, another one draws another", () => {
  const counts = defaultCounts(50);
  expect(drawSchedule(counts, 7)).toEqual(drawSchedule(counts, 7));
  expect(drawSchedule(counts, 7)).not.toEqual(drawSchedule(counts, 8));
});

test("durations and waits stay within their bounds", () => {
  const schedule = drawSchedule(defaultCounts(2_000), 3);
  for (const { action, waitMs } of schedule) {
    expect(waitMs).toBeGreaterThanOrEqual(0);
    expect(waitMs).toBeLessThan(1_200);
    if (!("durationMs" in action)) continue;
    expect(action.durationMs).toBeGreaterThanOrEqual(500);
    expect(action.durationMs).toBeLessThan(30_000);
  }
});
