import { expect, test } from "vitest";

import { interpolate } from "./cpu-time.ts";

const points = [
  { atMs: 100, value: 0 },
  { atMs: 200, value: 50 },
  { atMs: 400, value: 150 },
];

test("between two points a value lies on the line through them", () => {
  expect(interpolate(points, 150)).toBe(25);
  expect(interpolate(points, 300)).toBe(100);
  expect(interpolate(points, 200)).toBe(50);
});

test("before the first and behind the last point it is theirs", () => {
  expect(interpolate(points, 0)).toBe(0);
  expect(interpolate(points, 9_999)).toBe(150);
});

test("two points of one moment are no line: the first counts", () => {
  const same = [
    { atMs: 100, value: 3 },
    { atMs: 100, value: 5 },
  ];
  expect(interpolate(same, 100)).toBe(3);
});

test("without a point there is no value", () => {
  expect(() => interpolate([], 100)).toThrow("nothing was sampled");
});
