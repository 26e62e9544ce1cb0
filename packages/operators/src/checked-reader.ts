import { StreamError, type JsonValue } from "@millrace/core";
import type { SourceBatch, SourceReader, SplitHandle, UserFunction } from "@millrace/graph";

/** Checked in one go, so that the thread is not blocked for long; a check takes some microseconds. */
const maxChecked = 256;

/**
 * Returns a reader whose records have passed the check, each as it returned it. What the check throws is
 * thrown by `nextBatch`, with the split and the position of the record, once all records before it
 * were handed out.
 */
export function createCheckedReader(
  reader: SourceReader<unknown>,
  check: UserFunction,
): SourceReader<unknown> {
  return {
    open: async (split, position) =>
      new CheckedSplit(await reader.open(split, position), { splitId: split.id, check }),
    ...(reader.close === undefined ? {} : { close: async () => reader.close?.() }),
  };
}

class CheckedSplit implements SplitHandle<unknown> {
  readonly #inner: SplitHandle<unknown>;
  readonly #splitId: string;
  readonly #check: UserFunction;
  #batch: SourceBatch<unknown> | undefined;
  /** Of the first record in the batch that was not checked. */
  #next = 0;

  constructor(
    inner: SplitHandle<unknown>,
    { splitId, check }: { readonly splitId: string; readonly check: UserFunction },
  ) {
    this.#inner = inner;
    this.#splitId = splitId;
    this.#check = check;
  }

  async nextBatch(): Promise<SourceBatch<unknown> | undefined> {
    if (this.#batch === undefined || this.#next >= this.#batch.records.length) {
      this.#batch = await this.#inner.nextBatch();
      this.#next = 0;
    }
    return this.#batch === undefined ? undefined : this.#checkSome(this.#batch);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #checkSome(batch: SourceBatch<unknown>): SourceBatch<unknown> {
    const start = this.#next;
    const end = Math.min(start + maxChecked, batch.records.length);
    const records: unknown[] = [];
    for (; this.#next < end; this.#next += 1) {
      try {
        records.push(this.#check(batch.records[this.#next]));
      } catch (error) {
        if (records.length > 0) break;
        throw this.#locate(error, batch.positionAt(this.#next));
      }
    }
    return { records, positionAt: (index) => batch.positionAt(start + index) };
  }

  #locate(error: unknown, position: JsonValue): unknown {
    if (!(error instanceof StreamError)) return error;
    return new StreamError(error.code, error.message, {
      domain: error.domain,
      retry: error.retry,
      cause: error.cause,
      location: { position: `split ${this.#splitId} at ${JSON.stringify(position)}` },
    });
  }
}
