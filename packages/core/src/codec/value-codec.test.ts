import fc from "fast-check";
import { expect, test } from "vitest";

import { StreamError } from "../error.ts";
import { StreamError } from "../error.ts";
import { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import { ValueReader } from "./value-reader.ts";
import { ValueWriter } from "./value-writer.ts";

function roundTrip(values: readonly unknown[]): readonly unknown[] {
  const out = new ByteWriter();
  const writer = new ValueWriter(out);
  for (const value of values) writer.write(value);
  const reader = new ValueReader(new ByteReader(out.copy()));
  return values.map(() => reader.read());
}

function encodeHex(value: unknown): string {
  const out = new ByteWriter();
  new ValueWriter(out).write(value);
  return Buffer.from(out.view()).toString("hex");
}

const anything = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withNullPrototype: true,
  withSparseArray: true,
  maxDepth: 4,
});

test("what is written is read: the same as a structured clone", () => {
  fc.assert(
    fc.property(fc.array(anything, { maxLength: 8 }), (values) => {
      expect(roundTrip(values)).toStrictEqual(values);
    }),
  );
});

test.each([
  0,
  -0,
  127,
  128,
  -1,
  2 ** 31 - 1,
  -(2 ** 31),
  2 ** 31,
  0.1,
  Number.NaN,
  Infinity,
  "",
  "ä",
  "\u{1f600}",
  "\ud800",
  "x".repeat(63),
  "x".repeat(64),
  10n ** 40n,
  -(10n ** 40n),
  Uint8Array.of(1, 2, 3),
  { a: undefined },
  {},
  new Date(Number.NaN),
  new Map([[{ a: 1 }, new Set([1, "1"])]]),
])("%s survives", (value) => {
  expect(roundTrip([value])).toStrictEqual([value]);
});

test("a field named __proto__ stays a field and changes no prototype", () => {
  const value: unknown = JSON.parse('{"__proto__": {"polluted": 1}, "a": 2}');
  const [read] = roundTrip([value]);
  expect(Object.keys(read as object)).toEqual(["__proto__", "a"]);
  expect(Reflect.get({}, "polluted")).toBeUndefined();
});

class Money {
  readonly cents = 5;
}

function cycle(): object {
  const self: Record<string, unknown> = {};
  self["me"] = self;
  return self;
}

test.each<[string, unknown, string]>([
  ["a function", { price: { of: () => 1 } }, '"price.of" cannot be encoded: it is a function'],
  ["a symbol", [Symbol("s")], '"[0]" cannot be encoded: it is a symbol'],
  [
    "a class instance",
    { paid: new Money() },
    '"paid" cannot be encoded: it is an instance of Money',
  ],
  ["a cycle", { head: cycle() }, '"head.me" cannot be encoded: it contains itself'],
  ["a symbol name", { [Symbol("tag")]: 1 }, "a field named by a symbol (tag)"],
])("%s is refused by name and path, and leaves nothing behind", (_name, value, message) => {
  const out = new ByteWriter();
  const writer = new ValueWriter(out);
  writer.write({ kept: 1 });
  const { length } = out;
  const refused = expect.objectContaining({
    code: "record-not-encodable",
    message: expect.stringContaining(message),
  });
  expect(() => writer.write(value)).toThrow(refused);
  expect(out.length).toBe(length);
  writer.write({ kept: 2 });
  const reader = new ValueReader(new ByteReader(out.copy()));
  expect([reader.read(), reader.read()]).toEqual([{ kept: 1 }, { kept: 2 }]);
});

test("broken bytes are refused or read as something, but end", () => {
  const sound = new ByteWriter();
  new ValueWriter(sound).write([{ a: "text", b: [1, 2.5, null] }, new Map([["k", 1n]])]);
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 0, max: 255 }), (position, byte) => {
      const bytes = sound.copy();
      bytes[position % bytes.length] = byte;
      try {
        new ValueReader(new ByteReader(bytes)).read();
      } catch (error) {
        return StreamError.is(error, "decode-failed");
      }
      return true;
    }),
    { numRuns: 2_000 },
  );
});

test("format version 1 is frozen", () => {
  expect(encodeHex({ airport: "SFO", flights: 300, mean: 1.5, ok: true, none: null })).toBe(
    "20050700616972706f72740700666c696768747304006d65616e02006f6b04006e6f6e65" +
      "4353464f04d80405000000000000f83f0300",
  );
});
