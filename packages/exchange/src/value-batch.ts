import type { ConsumeRecord, RecordBatch } from "./contract.ts";
import type { ExchangeOptions } from "./options.ts";
import { RecordWriter, type RecordBuffer } from "./record-codec.ts";

/** What a record costs beside what is in it. */
const recordBytes = 16;
const everyRecord = 128;

/**
 * Collects records as they are, for a channel within the slot that skips the codec.
 *
 * What credits count is a guess, but for strings, which tell their length: records are taken for as
 * large as the last one that was measured, the first of a batch and every 128th. These go through
 * the codec for it, so what it refuses is refused here as well, if not at the first record of its kind.
 */
export class ValueBuffer implements RecordBuffer {
  readonly #measure: RecordWriter;
  #values: unknown[] = [];
  #timestamps: number[] = [];
  #hashes: number[] = [];
  #measuredBytes = 0;
  #untilMeasured = 1;
  /** Of the records, by that guess. */
  sizeBytes = 0;

  constructor(options: ExchangeOptions) {
    this.#measure = new RecordWriter(options, false);
  }

  get recordCount(): number {
    return this.#values.length;
  }

  /** Throws as the codec does, for the records that are measured. */
  append(value: unknown, timestampMs: number, hash: number): void {
    if (typeof value === "string") this.sizeBytes += recordBytes + value.length;
    else {
      this.#untilMeasured -= 1;
      if (this.#untilMeasured === 0) this.#measureRecord(value);
      this.sizeBytes += this.#measuredBytes;
    }
    this.#values.push(value);
    this.#timestamps.push(timestampMs);
    this.#hashes.push(hash);
  }

  /** Returns the records and starts anew. */
  takeBatch(frameSequence: number): RecordBatch {
    const batch = new ValueBatch(
      { values: this.#values, timestamps: this.#timestamps, hashes: this.#hashes },
      frameSequence,
    );
    this.#values = [];
    this.#timestamps = [];
    this.#hashes = [];
    this.sizeBytes = 0;
    this.#untilMeasured = 1;
    return batch;
  }

  #measureRecord(value: unknown): void {
    this.#untilMeasured = everyRecord;
    this.#measuredBytes = recordBytes + this.#measure.measure(value);
  }
}

interface Columns {
  readonly values: readonly unknown[];
  readonly timestamps: readonly number[];
  readonly hashes: readonly number[];
}

class ValueBatch implements RecordBatch {
  readonly recordCount: number;
  readonly #columns: Columns;
  readonly #frameSequence: number;
  #index = 0;

  constructor(columns: Columns, frameSequence: number) {
    this.#columns = columns;
    this.recordCount = columns.values.length;
    this.#frameSequence = frameSequence;
  }

  drain(consume: ConsumeRecord, shouldPause: () => boolean): boolean {
    const { values, timestamps, hashes } = this.#columns;
    while (this.#index < this.recordCount) {
      const index = this.#index;
      this.#index = index + 1;
      consume(values[index], timestamps[index] ?? 0, hashes[index] ?? 0);
      if (shouldPause()) break;
    }
    return this.#index === this.recordCount;
  }

  position(): { readonly frameSequence: number; readonly recordIndex: number } {
    return { frameSequence: this.#frameSequence, recordIndex: Math.max(0, this.#index - 1) };
  }
}
