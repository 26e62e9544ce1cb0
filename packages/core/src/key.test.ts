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
const key = fc.oneof(part, fc.array(part, { maxLength: 4 }), fc.dictionary(fc.string(), part));

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
