import { expect, test } from "vitest";

import { numberOf, textOf } from "./params.ts";

test("a parameter is of the kind that was asked for, or is refused by its name", () => {
  const params = { out: "folder", count: 3 };
  expect(textOf(params, "out")).toBe("folder");
  expect(numberOf(params, "count")).toBe(3);
  expect(() => textOf(params, "count")).toThrow("parameter count is 3: give a text");
  expect(() => numberOf(params, "out")).toThrow('parameter out is "folder": give a number');
  expect(() => numberOf(params, "none")).toThrow("parameter none is undefined: give a number");
});
