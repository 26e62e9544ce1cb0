import fc from "fast-check";
import { expect, test } from "vitest";

import { StreamError } from "../error.ts";
import { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import { anyValue } from "./test-kit/any-value.ts";
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

function outcomeOf(bytes: Uint8Array): string {
  try {
    new ValueReader(new ByteReader(bytes)).read();
    return "read";
  } catch (error) {
    return StreamError.from(error).code;
  }
}

const anything = anyValue(4);

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

test("bytes read from a Buffer are a plain Uint8Array with memory of their own", () => {
  const out = new ByteWriter();
  new ValueWriter(out).write(Uint8Array.of(1, 2));
  const source = Buffer.from(out.copy());
  const read = new ValueReader(new ByteReader(source)).read();
  source.fill(0);
  expect(read).toStrictEqual(Uint8Array.of(1, 2));
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
      expect(["read", "decode-failed"]).toContain(outcomeOf(bytes));
    }),
    { numRuns: 2_000 },
  );
});

test("values nested deeper than 100 levels are refused in both directions", () => {
  let deep: unknown = 1;
  for (let level = 0; level < 101; level += 1) deep = [deep];
  expect(() => roundTrip([deep])).toThrow("nested deeper than 100 levels");
  const bytes = new Uint8Array(1_000).fill(1).map((_, index) => (index % 2 === 0 ? 0x0b : 1));
  expect(outcomeOf(bytes)).toBe("decode-failed");
});

test("objects of more shapes than a dictionary holds carry their names", () => {
  const values = Array.from({ length: 600 }, (_, index) => ({ [`name-${index}`]: index }));
  expect(roundTrip([...values, ...values])).toStrictEqual([...values, ...values]);
  const wide = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`f${index}`, index]));
  expect(roundTrip([wide, wide])).toStrictEqual([wide, wide]);
});

test("objects read from a compiled shape are as those before it was compiled", () => {
  const values = Array.from({ length: 50 }, (_, index) => ({ 2: "x", b: index, "a b": [index] }));
  expect(roundTrip(values)).toStrictEqual(values);
});

test("format version 1 is frozen", () => {
  expect(encodeHex({ airport: "SFO", flights: 300, mean: 1.5, ok: true, none: null })).toBe(
    "20050700616972706f72740700666c696768747304006d65616e02006f6b04006e6f6e65" +
      "4353464f04d80405000000000000f83f0300",
  );
});

test.each<[unknown, string]>([
  [
    [-1, 128, 2 ** 31, -0, Number.NaN, Infinity],
    "0b06" +
      ["0401", "048002", "05000000000000e041", "050000000000000080"].join("") +
      ["05000000000000f87f", "05000000000000f07f"].join(""),
  ],
  [["\u00e4", "\u20ac", "x".repeat(64)], `0b0341e40701ac200640${"78".repeat(64)}`],
  [[true, false, null, undefined], "0b0403020001"],
  [[255n, -256n, 0n], "0b030801ff090200010800"],
  [[new Date(1000), Uint8Array.of(1, 2)], "0b020a0000000000408f400d020102"],
  [[new Map([["k", 1]]), new Set([2])], "0b020e01416b810f0182"],
  // oxlint-disable-next-line eslint/no-sparse-arrays -- a hole has a tag of its own
  [[, 1], "0b020c81"],
  [[{ a: 1 }, { a: 2 }, { b: { a: 3 } }], "0b03200101006181208221010100622083"],
  [Object.assign(Object.create(null), { a: 1 }), "11000101006181"],
])("format version 1 is frozen (%#)", (value, hex) => {
  expect(encodeHex(value)).toBe(hex);
  expect(encodeHex(roundTrip([value])[0])).toBe(hex);
});
