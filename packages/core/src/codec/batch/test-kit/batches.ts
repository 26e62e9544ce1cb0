import { assert } from "../../../assert.ts";
import { StreamError } from "../../../error.ts";
import { parseBatchHead } from "../batch-head.ts";
import { BatchReader } from "../batch-reader.ts";
import { BatchWriter } from "../batch-writer.ts";
import { unlimitedPace } from "../drain-pace.ts";

export type Row = readonly [value: unknown, timestampMs: number, hash: number];

export const megabyte: number = 1024 * 1024;

/** Returns a writer with limits of a megabyte. */
export function newWriter({
  hasHash = true,
  maxRecordBytes = megabyte,
}: { readonly hasHash?: boolean; readonly maxRecordBytes?: number } = {}): BatchWriter {
  return new BatchWriter({ hasHash, maxRecordBytes, limitBytes: 4 * megabyte });
}

/** Returns all rows of a batch. */
export function readBatch(
  bytes: Uint8Array,
  reader: BatchReader = new BatchReader(),
): readonly Row[] {
  const rows: Row[] = [];
  reader.begin(bytes, parseBatchHead(bytes));
  const isDone = reader.drain((...row) => rows.push(row), unlimitedPace());
  assert(isDone, "nothing pauses");
  return rows;
}

/** Returns the values as one batch; timestamps count up, hashes down. */
export function encode(values: readonly unknown[], writer: BatchWriter = newWriter()): Uint8Array {
  for (const [index, value] of values.entries()) writer.append(value, index, -index);
  return writer.take(0);
}

/** Through batches of one channel, so that shapes are learnt, widened and compiled. */
export function roundTrip(
  values: readonly unknown[],
  batchLength: number = values.length,
): readonly unknown[] {
  const writer = newWriter();
  const reader = new BatchReader();
  const read: unknown[] = [];
  for (let start = 0; start < values.length; start += batchLength) {
    const batch = encode(values.slice(start, start + batchLength), writer);
    read.push(...readBatch(batch, reader).map(([value]) => value));
  }
  return read;
}

/** Returns `read`, or the code of the error. */
export function outcomeOf(bytes: Uint8Array): string {
  try {
    const reader = new BatchReader();
    reader.begin(bytes, parseBatchHead(bytes));
    reader.drain(() => {}, unlimitedPace());
    return "read";
  } catch (error) {
    return error instanceof StreamError ? error.code : String(error);
  }
}
