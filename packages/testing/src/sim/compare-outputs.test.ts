import { expect, test } from "vitest";

import { findDifference } from "./compare-outputs.ts";

const compare = (expected: readonly unknown[], published: readonly unknown[]): string | undefined =>
  findDifference(new Map([["board", expected]]), () => published);

test("neither the order of records nor that of their fields matters", () => {
  const date = new Date(5);
  const records = [{ key: "a", value: 1n, date }, [Number.NaN], new Map([["x", new Set([1])]]), 1];
  const same = [1, new Map([["x", new Set([1])]]), [Number.NaN], { date, value: 1n, key: "a" }];
  expect(compare(records, same)).toBeUndefined();
});

test("each record counts as often as it is there", () => {
  expect(compare(["a", "a", "a", "b"], ["a", "b", "b"])).toBe(
    'board lacks 2 ("a" "a") and has 1 ("b") too many',
  );
  expect(compare([], ["a"])).toBe('board lacks none and has 1 ("a") too many');
});

test.each([
  [1, 1n],
  [1, "1"],
  [null, Number.NaN],
  [Infinity, -Infinity],
  [new Set([1]), new Map([[1, 1]])],
  [{ a: 1 }, { a: 2 }],
])("%o and %o differ", (left, right) => {
  expect(compare([left], [right])).toBeDefined();
});
