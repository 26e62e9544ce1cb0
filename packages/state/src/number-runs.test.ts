import { ByteReader, ByteWriter, StreamError } from "@millrace/core";
import fc from "fast-check";
import { expect, test } from "vitest";

import { NumberRuns } from "./number-runs.ts";
import { readNumberRun } from "./read-number-run.ts";

const head = { start: 3, namespace: 1_000 };
const text = fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.constant("x".repeat(70)));
const key = fc.oneof(text, fc.double(), fc.integer());
const value = fc.option(fc.oneof(fc.integer(), fc.double(), fc.nat(300)), { nil: undefined });

type Entry = readonly [string | number, number | undefined];

function encode(runs: NumberRuns): Uint8Array {
  const out = new ByteWriter();
  runs.writeTo(out, head);
  expect(out.length).toBe(runs.encodedBytes(head));
  return out.copy();
}

function decode(bytes: Uint8Array): readonly Entry[] {
  const input = new ByteReader(bytes);
  const entries: Entry[] = [];
  while (input.remaining > 0) {
    expect([input.varint(), input.f64()]).toEqual([head.start, head.namespace]);
    readNumberRun(input, (...entry) => entries.push(entry));
  }
  return entries;
}

function sorted(entries: readonly Entry[]): readonly string[] {
  // As keys, -0 is 0.
  return entries
    .map(([each, of]) => fc.stringify([typeof each === "number" ? each + 0 : each, of]))
    .toSorted();
}

test("runs give back what they took, in memory that they used before too", () => {
  const runs = new NumberRuns();
  fc.assert(
    fc.property(fc.array(fc.tuple(key, value), { maxLength: 100, size: "max" }), (entries) => {
      runs.clear();
      for (const entry of entries) runs.add(...entry);
      expect(runs.entryCount).toBe(entries.length);
      expect(sorted(decode(encode(runs)))).toEqual(sorted(entries));
    }),
  );
});

test("a count takes its key and two bytes", () => {
  const runs = new NumberRuns();
  for (let index = 1; index <= 1_000; index += 1) runs.add(`word-${1_000_000 + index}`, 1);
  expect(encode(runs).length).toBe(1_000 * ("word-1000000".length + 2) + 4 + 8);
});

test.each([
  ["the values of an unknown layout", [0x0c, 1, 1, 0x61]],
  ["the keys of an unknown form", [0x03, 1, 1, 0x61, 2]],
  ["more entries than bytes", [0x00, 0xff, 0xff, 0xff, 0x0f]],
  ["a key that is longer than the bytes", [0x00, 1, 0x7f, 0x61, 2]],
  ["a key that is too long", [0x00, 1, 0xff, 0xff, 0x7f, 0x61]],
  ["no values", [0x04, 1, 1, 0x61]],
])("a run with %s is refused", (_what, bytes) => {
  const read = (): unknown => readNumberRun(new ByteReader(Uint8Array.from(bytes)), () => {});
  expect(read).toThrow(StreamError);
  expect(read).toThrow(expect.objectContaining({ code: "decode-failed" }));
});
