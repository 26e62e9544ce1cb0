import type { DrainPace, LookAhead } from "@millrace/core";

import type { ConsumeRecord, RecordBatch } from "./contract.ts";
import type { ExchangeOptions } from "./options.ts";
import { RecordWriter, type RecordBuffer } from "./record-codec.ts";

/** What a record costs beside what is in it. */
const recordBytes = 16;
const everyRecord = 128;
const initialRecords = 1_024;
/** Columns that are kept for batches to come. */
const maxFree = 4;

/**
 * Collects records as they are, for a channel within the slot that skips the codec.
 *
 * What credits count is a guess, but for strings, which tell their length: records are taken for as
 * large as the last one that was measured, the first of all and every 128th. These go through the
 * codec for it, so what it refuses is refused here as well, if not at the first record of its kind.
 */
export class ValueBuffer implements RecordBuffer {
  readonly #measure: RecordWriter;
  readonly #free: Columns[] = [];
  #columns = new Columns();
  #measuredBytes = 0;
  #untilMeasured = 1;
  recordCount = 0;
  /** Of the records, by that guess. */
  sizeBytes = 0;

  constructor(options: ExchangeOptions) {
    this.#measure = new RecordWriter(options, false);
  }

  /** Throws as the codec does, for the records that are measured. */
  append(value: unknown, timestampMs: number, hash: number): void {
    if (typeof value === "string") this.sizeBytes += recordBytes + value.length;
    else {
      this.#untilMeasured -= 1;
      if (this.#untilMeasured === 0) this.#measureRecord(value);
      this.sizeBytes += this.#measuredBytes;
    }
    const columns = this.#columns;
    const index = this.recordCount;
    if (index === columns.hashes.length) columns.grow();
    columns.values[index] = value;
    columns.timestamps[index] = timestampMs;
    columns.hashes[index] = hash;
    this.recordCount = index + 1;
  }

  /** Returns the records and starts anew. */
  takeBatch(frameSequence: number): RecordBatch {
    const { recordCount } = this;
    const batch = new ValueBatch(this.#columns, { recordCount, frameSequence, free: this.#free });
    this.#columns = this.#free.pop() ?? new Columns();
    this.recordCount = 0;
    this.sizeBytes = 0;
    return batch;
  }

  #measureRecord(value: unknown): void {
    this.#untilMeasured = everyRecord;
    this.#measuredBytes = recordBytes + this.#measure.measure(value);
  }
}

class Columns {
  values: unknown[] = Array.from({ length: initialRecords });
  timestamps = new Float64Array(initialRecords);
  hashes = new Int32Array(initialRecords);

  grow(): void {
    const length = this.hashes.length * 2;
    const timestamps = new Float64Array(length);
    const hashes = new Int32Array(length);
    timestamps.set(this.timestamps);
    hashes.set(this.hashes);
    this.timestamps = timestamps;
    this.hashes = hashes;
  }
}

/** I1 Its columns go back to be filled again only when it is used up, without any record. */
class ValueBatch implements RecordBatch {
  readonly recordCount: number;
  readonly #free: Columns[];
  readonly #frameSequence: number;
  #columns: Columns | undefined;
  #index = 0;

  constructor(
    columns: Columns,
    parts: {
      readonly recordCount: number;
      readonly frameSequence: number;
      readonly free: Columns[];
    },
  ) {
    this.#columns = columns;
    this.recordCount = parts.recordCount;
    this.#frameSequence = parts.frameSequence;
    this.#free = parts.free;
  }

  drain(consume: ConsumeRecord, pace: DrainPace, lookAhead?: LookAhead): boolean {
    const columns = this.#columns;
    if (columns === undefined) return true;
    const { recordCount } = this;
    const { values, timestamps, hashes } = columns;
    while (this.#index < recordCount) {
      const index = this.#index;
      if (pace.left <= 0) {
        if (!pace.mayGoOn()) return false;
        lookAhead?.(hashes, index, Math.min(index + pace.left, recordCount));
      }
      pace.left -= 1;
      this.#index = index + 1;
      consume(values[index], timestamps[index] ?? 0, hashes[index] ?? 0);
    }
    this.#release(columns);
    return true;
  }

  position(): { readonly frameSequence: number; readonly recordIndex: number } {
    return { frameSequence: this.#frameSequence, recordIndex: Math.max(0, this.#index - 1) };
  }

  #release(columns: Columns): void {
    this.#columns = undefined;
    if (this.#free.length === maxFree) return;
    columns.values.fill(undefined, 0, this.recordCount);
    this.#free.push(columns);
  }
}
