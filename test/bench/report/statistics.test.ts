import { expect, test } from "vitest";

import { meanOf, medianOf, quantileOf } from "./statistics.ts";

test("the median is the middle value, whatever the order", () => {
  expect(medianOf([9, 1, 5])).toBe(5);
  expect(medianOf([7])).toBe(7);
});

test("the median of an even number of values is the mean of both middle ones", () => {
  expect(medianOf([4, 1, 10, 2])).toBe(3);
});

test("numbers are ordered as numbers, not as texts", () => {
  expect(medianOf([10, 9, 100])).toBe(10);
  expect(quantileOf([10, 9, 100], 1)).toBe(100);
});

test("a quantile is a value that was measured, by nearest rank", () => {
  const values = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect(quantileOf(values, 0.99)).toBe(99);
  expect(quantileOf(values, 0.5)).toBe(50);
  expect(quantileOf(values, 0)).toBe(1);
  expect(quantileOf(values, 1)).toBe(100);
});

test("the mean is the sum by the count", () => {
  expect(meanOf([1, 2, 6])).toBe(3);
});

test("of nothing there is no median, quantile or mean", () => {
  for (const read of [medianOf, meanOf, (values: readonly number[]) => quantileOf(values, 0.5)]) {
    expect(() => read([])).toThrow("of nothing");
  }
});

test("values stay in their order", () => {
  const values = [3, 1, 2];
  medianOf(values);
  quantileOf(values, 0.5);
  expect(values).toEqual([3, 1, 2]);
});
