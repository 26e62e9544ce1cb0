import fc from "fast-check";
import { expect, test } from "vitest";

import { anyValue } from "../test-kit/any-value.ts";
import { encode, megabyte, newWriter, readBatch, roundTrip } from "./test-kit/batches.ts";

const anything = anyValue(3);
const leaf = fc.oneof(
  fc.integer(),
  fc.integer({ min: 0, max: 300 }),
  fc.double(),
  fc.string({ unit: "binary", maxLength: 80 }),
  fc.string({ maxLength: 40 }),
  fc.boolean(),
  fc.bigInt(),
  fc.date({ noInvalidDate: false }),
  fc.uint8Array({ maxLength: 5 }).map((bytes) => Uint8Array.from(bytes)),
  fc.constantFrom(null, undefined, -0),
);
/** Records that look alike: the same names, values of a few kinds. */
const alike = fc
  .uniqueArray(
    fc.string({ maxLength: 5 }).filter((name) => name !== "__proto__"),
    {
      minLength: 1,
      maxLength: 5,
    },
  )
  .chain((names) => {
    const part = fc.oneof(leaf, fc.array(leaf, { maxLength: 3 }), fc.record({ x: leaf, y: leaf }));
    const record = fc
      .array(part, { minLength: names.length, maxLength: names.length })
      .map((parts) => Object.fromEntries(names.map((name, index) => [name, parts[index]])));
    return fc.array(record, { minLength: 1, maxLength: 40, size: "max" });
  });

test("what is written is read", () => {
  const batches = fc.array(fc.oneof(anything, leaf), { maxLength: 30, size: "max" });
  fc.assert(
    fc.property(batches, fc.integer({ min: 1, max: 30 }), (values, batchLength) => {
      expect(roundTrip(values, batchLength)).toStrictEqual(values);
    }),
  );
});

test("what a structured clone can be made of comes out as one", () => {
  const cloneable = fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true });
  fc.assert(
    fc.property(fc.array(cloneable, { maxLength: 12 }), (values) => {
      expect(roundTrip(values, 5)).toStrictEqual(values.map((value) => structuredClone(value)));
    }),
  );
});

test("records that look alike are read the same, names in their order", () => {
  fc.assert(
    fc.property(alike, fc.integer({ min: 1, max: 40 }), (values, batchLength) => {
      const read = roundTrip(values, batchLength);
      expect(read).toStrictEqual(values);
      expect(read.map((value) => Object.keys(value as object))).toEqual(values.map(Object.keys));
    }),
    { numRuns: 300 },
  );
});

test("timestamps and hashes come with their records, however they are packed", () => {
  const times = fc.oneof(
    fc.array(fc.constantFrom(-Infinity, 5, -0, 0), { minLength: 1, maxLength: 9 }),
    fc.array(fc.integer({ min: 1.7e12, max: 1.7e12 + 5e9 }), { minLength: 1, maxLength: 9 }),
    fc.array(fc.double(), { minLength: 1, maxLength: 9 }),
    fc.integer().chain((time) => fc.array(fc.constant(time), { minLength: 1, maxLength: 9 })),
  );
  fc.assert(
    fc.property(times, fc.boolean(), fc.integer(), (timestamps, hasHash, hash) => {
      const writer = newWriter({ hasHash });
      for (const time of timestamps) writer.append(`${time}`, time, hash);
      const rows = timestamps.map((time) => [`${time}`, time, hasHash ? hash : 0]);
      expect(readBatch(writer.take(0))).toStrictEqual(rows);
    }),
  );
});

const bid = { auction: 1001, bidder: 7, price: 12.5, url: "https://example.org/auction/1001" };

test.each<[string, readonly unknown[]]>([
  ["words", ["to", "be", "", "naïve", "żółw", "\u{1f600}", "\ud800", "x".repeat(200), "be"]],
  [
    "long strings",
    [
      "a".repeat(12),
      "b".repeat(13),
      "c".repeat(32),
      "d".repeat(33),
      "é".repeat(50),
      "ł".repeat(50),
      "e".repeat(70_000),
    ],
  ],
  [
    "integers that grow",
    [1, 255, 256, -1, 2 ** 31 - 1, -(2 ** 31), 2 ** 31, 0.5, -0, 0, Number.NaN, Infinity],
  ],
  [
    "bare values of all kinds",
    [
      1,
      "1",
      true,
      1n,
      null,
      undefined,
      [1],
      new Date(5),
      Uint8Array.of(1),
      new Map([[1, 2]]),
      new Set([3]),
    ],
  ],
  ["bigints beyond 64 bits", [1n, -(2n ** 63n), 2n ** 63n, 10n ** 30n, -5n]],
  [
    "a field that is absent, undefined or null",
    Array.from(
      { length: 12 },
      (_, n) => [{ a: 1 }, { a: 1, b: undefined }, { a: 1, b: null }, { b: 2, a: 1 }][n % 4],
    ),
  ],
  [
    "a union",
    Array.from({ length: 40 }, (_, n) =>
      n % 3 === 0 ? bid : n % 3 === 1 ? { person: "p", city: "c" } : "end",
    ),
  ],
  [
    "nested records",
    Array.from({ length: 9 }, (_, n) => ({
      a: { b: [{ c: n }, { c: n + 0.5 }], d: n % 2 === 0 ? [] : ["x", null] },
    })),
  ],
  [
    "arrays with holes",
    Array.from({ length: 9 }, () => ({ list: Object.assign(Array(3), { 1: "x" }) })),
  ],
  [
    "objects without a prototype",
    Array.from({ length: 9 }, (): unknown => Object.assign(Object.create(null), { a: 1 })),
  ],
  [
    "objects without fields",
    Array.from({ length: 9 }, () => ({ a: {}, b: [{}, {}], c: [[], []] })),
  ],
  [
    "a field named __proto__",
    Array.from({ length: 9 }, (): unknown => JSON.parse('{"__proto__": 1, "a": 2}')),
  ],
  [
    "names that are no identifiers",
    Array.from({ length: 9 }, (_, n) => ({
      '"];throw 1;//': n,
      "\u2028": "x",
      2: "y",
      constructor: 1,
    })),
  ],
])("%s survive", (_name, values) => {
  expect(roundTrip(values)).toStrictEqual(values);
  expect(roundTrip(values, 1)).toStrictEqual(values);
  const many = [...values, ...values, ...values, ...values, ...values];
  expect(roundTrip(many, 7)).toStrictEqual(many);
});

test("records of more shapes than a batch holds go the fallback's way", () => {
  const values = Array.from({ length: 2_000 }, (_, n) => ({ [`name-${n % 200}`]: n, same: "x" }));
  expect(roundTrip(values)).toStrictEqual(values);
  expect(roundTrip(values, 333)).toStrictEqual(values);
});

test("records whose names are data do not generate code without end", () => {
  const values = Array.from({ length: 12_000 }, (_, n) => ({ [`user-${n % 3_000}`]: n }));
  expect(roundTrip(values, 5_000)).toStrictEqual(values);
});

test("values that look different each time go the fallback's way", () => {
  let turn = 0;
  const value = {
    get now(): unknown {
      turn += 1;
      return turn % 2 === 0 ? turn : `${turn}`;
    },
  };
  const writer = newWriter();
  for (let count = 0; count < 100; count += 1) writer.append(value, 0, 0);
  const read = readBatch(writer.take(0)).map(([record]) => record);
  expect(read).toHaveLength(100);
  for (const record of read) expect(Object.keys(record as object)).toEqual(["now"]);
});

test("records that are wider or deeper than code is generated for go the fallback's way", () => {
  const wide = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`f${n}`, n]));
  let deep: unknown = 1;
  for (let level = 0; level < 60; level += 1) deep = level % 2 === 0 ? [deep] : { deep };
  const table = { rows: Array.from({ length: 3 }, () => wide) };
  const values = Array.from({ length: 10 }, () => [wide, deep, table]).flat();
  expect(roundTrip(values)).toStrictEqual(values);
});

test("a record is read as it was when it was appended", () => {
  const writer = newWriter();
  const value = { list: [1], bytes: Uint8Array.of(1) };
  for (let count = 0; count < 8; count += 1) {
    value.list[0] = count;
    value.bytes[0] = count;
    writer.append(value, 0, 0);
  }
  const read = readBatch(writer.take(0)).map(([record]) => record);
  expect(read).toEqual(
    Array.from({ length: 8 }, (_, n) => ({ list: [n], bytes: Uint8Array.of(n) })),
  );
});

test("values share no memory with the batch", () => {
  const bytes = encode([Uint8Array.of(1, 2), Uint8Array.of(3)]);
  const [first] = readBatch(bytes);
  bytes.fill(0);
  expect(first?.[0]).toEqual(Uint8Array.of(1, 2));
});

class Money {
  readonly cents = 5;
}

test.each<[string, unknown, string]>([
  [
    "a function",
    { id: 1, name: "a", price: () => 1 },
    '"price" cannot be encoded: it is a function',
  ],
  [
    "a class instance",
    { id: 1, name: "a", price: new Money() },
    '"price" cannot be encoded: it is an instance of Money',
  ],
  ["a bare class instance", new Money(), "the value cannot be encoded: it is an instance of Money"],
  [
    "a symbol in an array",
    { id: 1, name: "a", price: [1, Symbol("s")] },
    '"price[1]" cannot be encoded',
  ],
  [
    "a throwing getter",
    {
      id: 1,
      name: "a",
      get price() {
        throw new Error("no price");
      },
    },
    "no price",
  ],
])("%s is refused by name and path, and leaves nothing behind", (_name, value, message) => {
  const writer = newWriter();
  const sound = (n: number): unknown => ({
    id: n,
    name: "a",
    price: n % 2 === 0 ? new Set([n]) : n,
  });
  const kept = Array.from({ length: 10 }, (_, n) => sound(n));
  for (const one of kept) {
    writer.append(one, 0, 0);
    const { sizeBytes } = writer;
    expect(() => writer.append(value, 1, 1)).toThrow(message);
    expect(writer.sizeBytes).toBe(sizeBytes);
  }
  expect(readBatch(writer.take(0)).map(([record]) => record)).toStrictEqual(kept);
});

test("a record beyond the limit is refused before memory is made for it (F27)", () => {
  const tooLarge = expect.objectContaining({ code: "record-too-large" });
  const large = [
    "x".repeat(1_001),
    "x".repeat(6 * megabyte),
    "ł".repeat(501),
    new Uint8Array(6 * megabyte),
    Array(2_000).fill(1),
  ];
  for (const value of large) {
    const writer = newWriter({ maxRecordBytes: 1_000 });
    writer.append("x".repeat(900), 0, 0);
    expect(() => writer.append(value, 0, 0)).toThrow(tooLarge);
  }
});

test("a batch is as large as it says, but for what its timestamps are packed by", () => {
  const writer = newWriter();
  for (let n = 0; n < 5_000; n += 1) {
    writer.append(n % 3 === 0 ? `word ${n}` : { n, word: "x" }, n % 2, n);
    expect(writer.sizeBytes).toBeGreaterThanOrEqual(writer.recordCount * 4);
  }
  const { sizeBytes } = writer;
  const { length } = writer.take(0);
  expect(length).toBeLessThanOrEqual(sizeBytes);
  expect(length).toBeGreaterThan(sizeBytes / 2);
});
