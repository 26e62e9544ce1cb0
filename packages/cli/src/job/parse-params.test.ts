import { expect, test } from "vitest";

import { parseParams, pickEnvironment } from "./parse-params.ts";

test("numbers, booleans and null arrive as such, everything else as text", () => {
  const texts = ["a=1", "b=-2.5e3", "c=true", "d=null", "e=x=y", "f=", "g=1.2.3", "h=007a"];
  expect(parseParams(texts)).toEqual({
    a: 1,
    b: -2_500,
    c: true,
    d: null,
    e: "x=y",
    f: "",
    g: "1.2.3",
    h: "007a",
  });
});

test.each(["name", "=value", ""])("%j is refused with how to write it", (text) => {
  expect(() => parseParams([text])).toThrow("write it as name=value");
});

test("a variable that is not set is refused by name", () => {
  expect(() => pickEnvironment(["MILLRACE_NOT_SET"])).toThrow("--env MILLRACE_NOT_SET");
});
