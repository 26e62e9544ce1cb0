import { unlimitedPace, type LookAhead } from "@millrace/core";
import fc from "fast-check";
import { expect, test } from "vitest";

import { FrameMemory } from "./frame-memory.ts";
import { defaultExchangeOptions } from "./options.ts";
import { EncodedBatch, RecordReader, RecordWriter } from "./record-codec.ts";
import { pausing } from "./test-kit/pace.ts";
import { ValueBuffer } from "./value-batch.ts";

const memory = new FrameMemory();

type Record = readonly [value: unknown, timestampMs: number, hash: number];

const records = fc.array(
  fc.tuple(
    fc.anything({ withBigInt: true, withDate: true, withMap: true, maxDepth: 2 }),
    fc.double({ noNaN: true }),
    fc.integer(),
  ),
  { minLength: 1, maxLength: 20, size: "max" },
);

test("batches of a channel give their records in order, wherever a drain pauses (S8)", () => {
  const pauses = fc.array(fc.boolean(), { minLength: 1 });
  fc.assert(
    fc.property(fc.array(records, { maxLength: 3 }), pauses, (batches, pattern) => {
      const writer = new RecordWriter(defaultExchangeOptions, true);
      const reader = new RecordReader();
      const read: Record[] = [];
      let turn = 0;
      // At the end of the pattern nothing pauses any more.
      const pace = pausing(() => pattern[turn++] ?? false);
      for (const [sequence, batch] of batches.entries()) {
        for (const [value, timestampMs, hash] of batch) writer.append(value, timestampMs, hash);
        const encoded = new EncodedBatch(writer.takePayload(memory), reader, sequence);
        expect(encoded.recordCount).toBe(batch.length);
        while (!encoded.drain((...record) => read.push(record), pace));
        expect(encoded.position()).toEqual({
          frameSequence: sequence,
          recordIndex: batch.length - 1,
        });
      }
      expect(read).toStrictEqual(batches.flat());
    }),
  );
});

test("a record that cannot be encoded is refused by name and leaves the others whole (F26)", () => {
  const writer = new RecordWriter(defaultExchangeOptions, false);
  writer.append({ a: 1 }, 1, 0);
  expect(() => writer.append({ a: 2, f: () => 1 }, 2, 0)).toThrow(
    expect.objectContaining({
      code: "record-not-encodable",
      message: expect.stringContaining('"f"'),
    }),
  );
  writer.append({ a: 3, b: 4 }, 3, 0);
  const read: unknown[] = [];
  const batch = new EncodedBatch(writer.takePayload(memory), new RecordReader(), 0);
  batch.drain((value, timestampMs, hash) => read.push([value, timestampMs, hash]), unlimitedPace());
  expect(read).toEqual([
    [{ a: 1 }, 1, 0],
    [{ a: 3, b: 4 }, 3, 0],
  ]);
});

test("a record beyond the limit is refused (F27)", () => {
  const writer = new RecordWriter({ ...defaultExchangeOptions, maxRecordBytes: 1_000 }, false);
  writer.append("x".repeat(900), 0, 0);
  const tooLarge = expect.objectContaining({ code: "record-too-large" });
  expect(() => writer.append("x".repeat(1_000), 0, 0)).toThrow(tooLarge);
  expect(() => writer.append("x".repeat(10_000_000), 0, 0)).toThrow(tooLarge);
});

test("bytes that were cut or added are noticed at the latest at the end of the batch", () => {
  const writer = new RecordWriter(defaultExchangeOptions, false);
  const drain = (payload: Uint8Array): boolean =>
    new EncodedBatch(payload, new RecordReader(), 0).drain(() => {}, unlimitedPace());
  writer.append("abc", 1, 0);
  const payload = writer.takePayload(memory);
  const failed = expect.objectContaining({ code: "decode-failed" });
  expect(drain(payload)).toBe(true);
  for (let length = 0; length < payload.length; length += 1) {
    expect(() => drain(payload.subarray(0, length))).toThrow(failed);
  }
  expect(() => drain(Uint8Array.of(...payload, 0))).toThrow(failed);
});

test("records that are not encoded come out the same, wherever a drain pauses", () => {
  const buffer = new ValueBuffer(defaultExchangeOptions);
  const value = { count: 1 };
  buffer.append(value, 5, 7);
  buffer.append("b", -Infinity, 0);
  const batch = buffer.takeBatch(3);
  const read: Record[] = [];
  const always = pausing(() => true);
  expect(batch.drain((...record) => read.push(record), always)).toBe(false);
  expect(batch.drain((...record) => read.push(record), always)).toBe(true);
  expect(read).toEqual([
    [value, 5, 7],
    ["b", -Infinity, 0],
  ]);
  expect(read[0]?.[0]).toBe(value);
  expect([buffer.recordCount, batch.recordCount]).toEqual([0, 2]);
});

test("records that are not encoded count by their own length as strings, else by a sample", () => {
  const buffer = new ValueBuffer(defaultExchangeOptions);
  buffer.append("x".repeat(1_000), 0, 0);
  expect(buffer.sizeBytes).toBe(1_016);
  buffer.append({ text: "x".repeat(5_000) }, 0, 0);
  const afterSample = buffer.sizeBytes;
  expect(afterSample).toBeGreaterThan(6_000);
  buffer.append({ text: "" }, 0, 0);
  expect(buffer.sizeBytes).toBe(afterSample + (afterSample - 1_016));
  for (let index = 0; index < 126; index += 1) buffer.append({ text: "" }, 0, 0);
  const beforeSample = buffer.sizeBytes;
  buffer.append({ text: "" }, 0, 0);
  expect(buffer.sizeBytes - beforeSample).toBeLessThan(100);
  buffer.takeBatch(0);
  expect([buffer.recordCount, buffer.sizeBytes]).toEqual([0, 0]);
});

test("a drain tells the hashes of the records ahead each time that its pace was asked", () => {
  const buffer = new ValueBuffer(defaultExchangeOptions);
  const writer = new RecordWriter(defaultExchangeOptions, true);
  for (const into of [buffer, writer]) {
    for (let index = 0; index < 5; index += 1) into.append("x", 0, 10 + index);
  }
  const encoded = new EncodedBatch(writer.takePayload(memory), new RecordReader(), 0);
  for (const batch of [buffer.takeBatch(0), encoded]) {
    const pace = { left: 0, mayGoOn: () => (pace.left = 2) > 0 };
    const ahead: number[][] = [];
    const lookAhead: LookAhead = (hashes, from, to) => ahead.push([...hashes.subarray(from, to)]);
    expect(batch.drain(() => {}, pace, lookAhead)).toBe(true);
    expect(ahead).toEqual([[10, 11], [12, 13], [14]]);
  }
});

test("a drain pauses right behind the record that set its pace to nothing", () => {
  const buffer = new ValueBuffer(defaultExchangeOptions);
  for (const value of ["a", "b", "c"]) buffer.append(value, 0, 0);
  const batch = buffer.takeBatch(0);
  let isFull = false;
  const pace = { left: 100, mayGoOn: () => !isFull };
  const read: unknown[] = [];
  const consume = (value: unknown): void => {
    read.push(value);
    isFull = value === "b";
    if (isFull) pace.left = 0;
  };
  expect([batch.drain(consume, pace), read.join("")]).toEqual([false, "ab"]);
  isFull = false;
  expect([batch.drain(consume, pace), read.join("")]).toEqual([true, "abc"]);
});
