import type { ConsumeRecord, RecordBatch } from "./contract.ts";
import type { RecordBuffer } from "./record-codec.ts";

/** What a record that is not encoded counts as, for credits. */
const assumedRecordBytes = 64;

/** Collects records as they are, for a channel within the slot that skips the codec. */
export class ValueBuffer implements RecordBuffer {
  #values: unknown[] = [];
  #timestamps: number[] = [];
  #hashes: number[] = [];

  get recordCount(): number {
    return this.#values.length;
  }

  get sizeBytes(): number {
    return this.#values.length * assumedRecordBytes;
  }

  append(value: unknown, timestampMs: number, hash: number): void {
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
    return batch;
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
