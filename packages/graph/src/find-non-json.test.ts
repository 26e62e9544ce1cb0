import { expect, test } from "vitest";

import { findNonJson } from "./find-non-json.ts";

class Point {
  readonly x = 1;
}

const cycle: Record<string, unknown> = {};
cycle["self"] = cycle;

test.each([
  [{ a: [1, "x", null, true, { b: [] }] }, undefined],
  [() => 1, "it is a function"],
  [{ a: { b: [0, undefined] } }, ".a.b[1] is undefined"],
  [{ a: Number.NaN }, ".a is NaN"],
  [{ a: 1n }, ".a is a bigint"],
  [{ at: new Date(0) }, ".at is an instance of Date"],
  [[new Point()], "[0] is an instance of Point"],
])("%o: %s", (value, problem) => {
  expect(findNonJson(value)).toBe(problem);
});

test("a cycle is found", () => {
  expect(findNonJson(cycle)).toMatch(/contains itself/);
});
