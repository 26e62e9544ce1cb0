import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { ByteReader } from "./codec/byte-reader.ts";
import { ByteWriter } from "./codec/byte-writer.ts";
import { readKey, writeKey } from "./key-codec.ts";
import { keyGroupOf, keyGroupRangeOf, subtaskIndexOf } from "./key-group.ts";
import { identityOf, keyHash } from "./key-hash.ts";
import { murmur3 } from "./murmur3.ts";

function encode(key: unknown): Uint8Array {
  const out = new ByteWriter();
  writeKey(out, key);
  return out.copy();
}

const part = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.double(),
  fc.integer(),
  fc.bigInt(),
  fc.boolean(),
  fc.constant(null),
  fc.date({ noInvalidDate: true }),
);
const { key } = fc.letrec((tie) => ({
  key: fc.oneof(
    { maxDepth: 3 },
    part,
    fc.array(tie("key"), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie("key")),
  ),
}));

test("a key is read as it was written, and its hash is murmur3 of its bytes", () => {
  fc.assert(
    fc.property(key, (value) => {
      const bytes = encode(value);
      expect(keyHash(value)).toBe(murmur3(bytes));
      expect(encode(readKey(new ByteReader(bytes)))).toEqual(bytes);
    }),
  );
});

test("two keys are one in a Map exactly if their bytes are equal", () => {
  fc.assert(
    fc.property(key, key, (left, right) => {
      const isSame = Buffer.from(encode(left)).equals(encode(right));
      const map = new Map([[identityOf(left), 1]]);
      expect(map.has(identityOf(right))).toBe(isSame);
      expect(map.has(identityOf(structuredClone(left)))).toBe(true);
    }),
  );
});

test("two keys that look alike are one in a Map exactly if their bytes are equal", () => {
  // What a text could confuse: numbers and their digits, headers and strings of their code units.
  const texts = ["", "0", "0;", "1", ";", "\u0003\0", "\u0006\0", "\u0006\u0001a", "a"];
  const bigints = [0n, 1n, 48n, -48n, 0x3006n, 0x300600n];
  const others = [0, -0, 1, 10, 48, null, false, new Date(0), new Date(1)];
  const alike = fc.constantFrom<unknown>(...texts, ...bigints, ...others);
  const { nested } = fc.letrec((tie) => ({
    nested: fc.oneof(
      { maxDepth: 2, withCrossShrink: true },
      alike,
      fc.array(tie("nested"), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom("", "a", "0;", "\u0003\0"), tie("nested"), { maxKeys: 2 }),
    ),
  }));
  const byIdentity = new Map<unknown, unknown>();
  const byBytes = new Map<string, unknown>();
  for (const value of fc.sample(nested, 5_000)) {
    const bytes = Buffer.from(encode(value)).toString("hex");
    const sameIdentity = byIdentity.get(identityOf(value));
    const sameBytes = byBytes.get(bytes);
    expect(fc.stringify([value, sameIdentity])).toBe(fc.stringify([value, sameBytes]));
    if (sameBytes !== undefined) continue;
    byIdentity.set(identityOf(value), value);
    byBytes.set(bytes, value);
  }
  expect(byBytes.size).toBeGreaterThan(500);
});

test("an object's fields may be in any order", () => {
  expect(identityOf({ b: 1, a: 2, c: 3 })).toBe(identityOf({ c: 3, a: 2, b: 1 }));
  expect(keyHash({ b: 1, a: 2, c: 3 })).toBe(keyHash({ c: 3, a: 2, b: 1 }));
});

test("a key has 16 levels at most, written and read", () => {
  const nest = (depth: number): unknown => (depth === 0 ? null : [nest(depth - 1)]);
  expect(readKey(new ByteReader(encode(nest(16))))).toEqual(nest(16));
  for (const take of [encode, keyHash, identityOf]) {
    expect(() => take(nest(17))).toThrow("deeper than 16 levels");
  }
  const bytes = Buffer.from(`${"08010000".repeat(17)}00000000`, "hex");
  expect(() => readKey(new ByteReader(bytes))).toThrow("nested too deep");
  expect(readKey(new ByteReader(bytes.subarray(4)))).toEqual(nest(16));
});

test("a key that contains itself is refused, and the error says where", () => {
  const loop: unknown[] = [1];
  loop.push({ inner: loop });
  for (const take of [encode, keyHash, identityOf]) {
    expect(() => take(loop)).toThrow(/1\.inner\.1\.inner.*deeper than 16 levels/);
  }
});

test.each<[unknown, string]>([
  ["SFO", "06030000530046004f00"],
  [0, "030000000000000000000000"],
  [-0, "030000000000000000000000"],
  [Number.NaN, "03000000000000000000f87f"],
  [1n, "0401000001"],
  [null, "00000000"],
  [["a", 1], "0802000006010000610003000000000000000000f03f"],
  [{ b: 1, a: true }, "09020000060100006100020000000601000062000300000000000000" + "0000f03f"],
])("the bytes of a key are frozen (%#)", (value, hex) => {
  expect(Buffer.from(encode(value)).toString("hex")).toBe(hex);
});

test.each<[unknown, string]>([
  [undefined, "undefined"],
  [() => 1, "function"],
  [new Map(), "instance of Map"],
  [{ a: [Symbol("x")] }, '"a.0"'],
  [new Date(Number.NaN), "invalid date"],
])("%s is no key, and the error says why", (value, reason) => {
  expect(() => encode(value)).toThrow(
    expect.objectContaining({
      code: "key-not-encodable",
      message: expect.stringContaining(reason),
    }),
  );
});

test("an invalid date is no key when it is read either", () => {
  const bytes = encode(new Date(5));
  bytes.fill(0xff, 4);
  expect(() => readKey(new ByteReader(bytes))).toThrow(
    expect.objectContaining({ code: "decode-failed" }),
  );
});

test.each([
  ["", 0x00000000],
  ["hello", 0x248bfa47],
  ["hello, world", 0x149bbb7f],
  ["The quick brown fox jumps over the lazy dog", 0x2e4ff723],
])("murmur3 of %j is the published one", (text, hash) => {
  expect(murmur3(new TextEncoder().encode(text)) >>> 0).toBe(hash);
});

describe("key groups", () => {
  const job = fc
    .record({
      maxParallelism: fc.integer({ min: 1, max: 512 }),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    })
    .map(({ maxParallelism, share }) => ({
      maxParallelism,
      parallelism: Math.max(1, Math.round(share * maxParallelism)),
    }));

  test("each group has exactly one owner, and the ranges say the same as the inverse (S9)", () => {
    fc.assert(
      fc.property(job, ({ maxParallelism, parallelism }) => {
        const owners = Array.from({ length: parallelism }, (_, subtaskIndex) =>
          keyGroupRangeOf({ maxParallelism, parallelism, subtaskIndex }),
        ).flatMap(({ start, end }, index) =>
          Array.from({ length: end - start + 1 }, (_, offset) => [start + offset, index]),
        );
        expect(owners.map(([group]) => group)).toEqual(
          Array.from({ length: maxParallelism }, (_, group) => group),
        );
        for (const [group = 0, index] of owners) {
          expect(subtaskIndexOf(group, { maxParallelism, parallelism })).toBe(index);
        }
      }),
    );
  });

  test("a negative hash has a group too", () => {
    expect(keyGroupOf(-1, 128)).toBe(127);
  });
});
