import { expect, test } from "vitest";

import { CombinePolicy, type CombineSettings } from "./combine-policy.ts";

const settings: CombineSettings = {
  entryCount: 16,
  maxAgeMs: 100,
  trialRecordCount: 20,
  maxHeldRecordCount: 60,
  minRecordCount: 10,
  startReduction: 3,
  stopReduction: 2,
  minPauseRecordCount: 100,
  maxPauseRecordCount: 300,
};

/** Lets records of so many keys, one after the other, be watched. */
function watch(policy: CombinePolicy, recordCount: number, keyCount: number): void {
  for (let index = 0; index < recordCount; index += 1) {
    const hash = 1 + (index % keyCount);
    policy.watch(hash, hash);
  }
}

test("combining begins after a measurement in which keys came again", () => {
  const policy = new CombinePolicy(settings);
  watch(policy, 20, 5);
  expect(policy.remainingMs(0)).toBe(0);
  policy.decide();
  expect(policy.isCombining).toBe(true);
});

test("a measurement ends with its time, which begins with the turn of its first record", () => {
  const policy = new CombinePolicy(settings);
  expect(policy.remainingMs(0)).toBe(Infinity);
  watch(policy, 12, 2);
  expect(policy.remainingMs(50)).toBe(100);
  expect(policy.remainingMs(90)).toBe(60);
  expect(policy.remainingMs(150)).toBe(0);
  policy.decide();
  expect(policy.isCombining).toBe(true);
});

test("keys that do not repeat pause the measurements, longer each time, up to a limit", () => {
  const policy = new CombinePolicy(settings);
  const pauses = [1, 2, 3, 4].map(() => {
    watch(policy, 20, 15);
    policy.decide();
    const { pauseLeft } = policy;
    policy.pauseLeft = 0;
    return pauseLeft;
  });
  expect(pauses).toEqual([100, 200, 300, 300]);
  expect(policy.isCombining).toBe(false);
});

test("keys whose places collide do not count as repeated", () => {
  const policy = new CombinePolicy(settings);
  for (let index = 0; index < 20; index += 1) policy.watch(1 + (index % 2) * 16, 1);
  policy.decide();
  expect(policy.isCombining).toBe(false);
});

test("few records are neither combined, as they would only wait, nor held against their keys", () => {
  const policy = new CombinePolicy(settings);
  watch(policy, 9, 1);
  policy.decide();
  expect(policy.isCombining).toBe(false);
  expect(policy.pauseLeft).toBe(0);
});

test("combining ends when it saves less than its cost", () => {
  const policy = new CombinePolicy(settings);
  watch(policy, 20, 5);
  policy.decide();
  for (const [sentCount, isCombining] of [
    [30, true],
    [31, false],
  ] as const) {
    for (let index = 0; index < 60; index += 1) policy.countRecord();
    for (let index = 0; index < sentCount; index += 1) policy.countSent();
    expect(policy.remainingMs(0)).toBe(0);
    policy.decide();
    expect(policy.isCombining).toBe(isCombining);
  }
});
