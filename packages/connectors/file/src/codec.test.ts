import { expect, test } from "vitest";

import { encodeJsonLine } from "./codec.ts";

const cycle: Record<string, unknown> = { name: "a" };
cycle["self"] = cycle;
class Money {
  amount = 1;
}

test.each([
  [{ f: () => 1 }, "the record's field f is a function"],
  [{ a: { s: Symbol("x") } }, "the record's field a.s is a symbol"],
  [cycle, "contains itself or nests deeper than 64"],
  [{ a: [1, 2n] }, "the record's field a[1] is a bigint"],
  [{ mean: 0 / 0 }, "the record's field mean is NaN"],
  [{ m: new Map([[1, 2]]) }, "the record's field m is a Map, not a plain object"],
  [new Money(), "the record is a Money, not a plain object"],
  [undefined, "the record is undefined"],
  [{ at: new Date(Number.NaN) }, "the record's field at is an invalid Date"],
])("%o is refused by name, never silently dropped", (record, message) => {
  expect(() => encodeJsonLine(record)).toThrow(message);
});

test("a plain record is one line; an undefined field is absent", () => {
  const record = {
    airport: "SFO",
    hour: 1,
    at: new Date(0),
    text: "a\nb",
    none: undefined,
    n: null,
  };
  expect(encodeJsonLine(record)).toBe(
    '{"airport":"SFO","hour":1,"at":"1970-01-01T00:00:00.000Z","text":"a\\nb","n":null}',
  );
});
