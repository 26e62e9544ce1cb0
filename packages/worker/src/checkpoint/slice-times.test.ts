import { expect, test } from "vitest";

import { p99SliceMs, SliceHistogram } from "./slice-times.ts";

test("the p99 of slices is the bound above it, and no more than the longest", () => {
  const slices = new SliceHistogram();
  expect(p99SliceMs(slices.read())).toBe(0);
  for (let index = 0; index < 98; index += 1) slices.note(0.4);
  slices.note(0.6);
  slices.note(2_000);
  expect(p99SliceMs(slices.read())).toBe(0.75);
  slices.note(5_000);
  expect(p99SliceMs(slices.read())).toBe(5_000);
});

test("histograms of several subtasks add up", () => {
  const first = new SliceHistogram();
  first.note(0.3);
  const all = new SliceHistogram();
  all.note(7);
  all.merge(first.read());
  const { counts, totalMs, longestMs } = all.read();
  expect([counts.reduce((sum, count) => sum + count), totalMs, longestMs]).toEqual([2, 7.3, 7]);
});
