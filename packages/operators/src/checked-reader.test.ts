import { StreamError, type JsonValue } from "@millrace/core";
import type { SourceReader } from "@millrace/graph";
import { expect, test } from "vitest";

import { createCheckedReader } from "./checked-reader.ts";

/** Reads one split in batches; a position is the number of records before it. */
function readerOf(batches: readonly (readonly unknown[])[]): SourceReader<unknown> {
  return {
    open: (_split, position) => {
      let left = typeof position === "number" ? position : 0;
      let start = 0;
      const open: (readonly [number, readonly unknown[]])[] = [];
      for (const batch of batches) {
        const skipped = Math.min(left, batch.length);
        left -= skipped;
        if (skipped < batch.length) open.push([start + skipped, batch.slice(skipped)]);
        start += batch.length;
      }
      return Promise.resolve({
        nextBatch: () => {
          const [first, records] = open.shift() ?? [];
          if (first === undefined || records === undefined) return Promise.resolve(undefined);
          return Promise.resolve({ records, positionAt: (index: number) => first + index });
        },
        close: () => Promise.resolve(),
      });
    },
    close: () => Promise.resolve(),
  };
}

function double(record: unknown): unknown {
  if (typeof record === "number") return record * 2;
  throw new StreamError("record-invalid", "a record is no number", {
    domain: "user",
    retry: "never",
  });
}

const split = { id: "file-3", descriptor: null };

async function read(reader: SourceReader<unknown>, position?: JsonValue) {
  const handle = await reader.open(split, position);
  const records: unknown[] = [];
  const positions: JsonValue[] = [];
  const sizes: number[] = [];
  let failure: unknown;
  for (;;) {
    const batch = await handle.nextBatch().catch((error: unknown) => {
      failure = error;
    });
    if (batch === undefined) return { records, positions, sizes, failure };
    sizes.push(batch.records.length);
    for (const [index, record] of batch.records.entries()) {
      records.push(record);
      positions.push(batch.positionAt(index));
    }
    positions.push(batch.positionAt(batch.records.length));
  }
}

test("records come as the check returned them, in parts that do not block the thread for long", async () => {
  const values = Array.from({ length: 700 }, (_, index) => index);
  const { records, sizes } = await read(createCheckedReader(readerOf([values, [700]]), double));
  expect(records).toEqual([...values, 700].map((value) => value * 2));
  expect(sizes).toEqual([256, 256, 188, 1]);
});

test("a position leads to the record that it was asked for, within a part and behind it", async () => {
  const values = Array.from({ length: 300 }, (_, index) => index);
  const reader = createCheckedReader(readerOf([values]), double);
  const { positions } = await read(reader);
  expect(positions.slice(0, 3)).toEqual([0, 1, 2]);
  expect(positions.slice(255, 259)).toEqual([255, 256, 256, 257]);
  expect(positions.at(-1)).toBe(300);
  for (const position of [0, 7, 256, 257, 299]) {
    const { records } = await read(reader, position);
    expect(records).toEqual(values.slice(position).map((value) => value * 2));
  }
});

test("what does not fit is thrown with its split and position, behind the records before it", async () => {
  const reader = createCheckedReader(
    readerOf([
      [1, 2],
      [3, "x", 5],
    ]),
    double,
  );
  const { records, failure } = await read(reader);
  expect(records).toEqual([2, 4, 6]);
  expect(failure).toMatchObject({
    code: "record-invalid",
    domain: "user",
    message: "a record is no number",
    location: { position: "split file-3 at 3" },
  });
});

test("what the connector throws stays as it is, and so does what is no error of ours", async () => {
  const broken: SourceReader<unknown> = {
    ...readerOf([]),
    open: () =>
      Promise.resolve({
        nextBatch: () => Promise.reject(new Error("no disk")),
        close: () => Promise.resolve(),
      }),
  };
  expect((await read(createCheckedReader(broken, double))).failure).toEqual(new Error("no disk"));
  const failing = createCheckedReader(readerOf([[1]]), () => {
    throw new TypeError("a bug in the schema");
  });
  expect((await read(failing)).failure).toEqual(new TypeError("a bug in the schema"));
});

test("it closes the reader behind it, where that has something to close", async () => {
  const open = (): Promise<never> => Promise.reject(new Error("nothing to read"));
  let closedCount = 0;
  const close = async (): Promise<void> => {
    closedCount += 1;
  };
  const check = (value: unknown): unknown => value;
  await createCheckedReader({ open, close }, check).close?.();
  expect(closedCount).toBe(1);
  expect("close" in createCheckedReader({ open }, check)).toBe(false);
});
