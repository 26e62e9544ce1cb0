import { StreamError } from "@millrace/core";
import type { SourceBatch, SourceConnector, SplitHandle } from "@millrace/graph";

const maxBuffered = 1_024;

/** Returns a source over an async iterable: one split, which cannot be read again. */
export function asyncIterableSource<T>(
  name: string,
  iterate: () => AsyncIterable<T>,
): SourceConnector<T> {
  return {
    connector: "async-iterable",
    options: null,
    canReplay: false,
    discover: () => Promise.resolve([{ id: "all", descriptor: null }]),
    createReader: () => {
      const open: IterableHandle<T>[] = [];
      return {
        open: (_split, position) => {
          const from = typeof position === "number" ? position : 0;
          const handle = new IterableHandle(name, iterate(), from);
          open.push(handle);
          return Promise.resolve(handle);
        },
        close: async () => {
          for (const handle of open) await handle.close();
        },
      };
    },
  };
}

/**
 * Reads ahead, so that a batch is what has come since the last one.
 *
 * I1 At most `maxBuffered` records wait; then the iterable is not asked for more.
 * I2 What the iterable throws is thrown by nextBatch, after the records before it.
 * I3 It is returned once it is closed, so that it can let go of what it holds, and never asked again.
 */
class IterableHandle<T> implements SplitHandle<T> {
  readonly #name: string;
  readonly #iterator: AsyncIterator<T>;
  #buffered: T[] = [];
  /** Records handed out, over all attempts: only a count, as there is no seeking. */
  #position: number;
  #end: { readonly cause?: unknown } | undefined;
  #isPumping = false;
  #isClosed = false;
  #wake: (() => void) | undefined;

  constructor(name: string, iterable: AsyncIterable<T>, position: number) {
    this.#name = name;
    this.#iterator = iterable[Symbol.asyncIterator]();
    this.#position = position;
  }

  async nextBatch(): Promise<SourceBatch<T> | undefined> {
    // Floats by design: it ends by itself when the buffer is full and never rejects.
    if (!this.#isPumping) void this.#pump();
    while (this.#buffered.length === 0 && this.#end === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const records = this.#buffered;
    if (records.length === 0) return this.#finish();
    const start = this.#position;
    this.#buffered = [];
    this.#position += records.length;
    return { records, positionAt: (index) => start + index };
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#end !== undefined) return;
    const returned = this.#iterator.return?.();
    // An async generator that waits answers `return` only after its next value: nobody waits for that.
    if (this.#isPumping) returned?.catch(() => {});
    else await returned;
  }

  async #pump(): Promise<void> {
    this.#isPumping = true;
    try {
      while (this.#buffered.length < maxBuffered && !this.#isClosed && this.#end === undefined) {
        const step = await this.#iterator.next();
        if (step.done === true) this.#end = {};
        else this.#buffered.push(step.value);
        this.#wake?.();
      }
    } catch (cause) {
      this.#end = { cause };
      this.#wake?.();
    }
    this.#isPumping = false;
  }

  #finish(): undefined {
    const cause = this.#end?.cause;
    if (cause === undefined) return undefined;
    const reason = cause instanceof Error ? cause.message : JSON.stringify(cause);
    throw new StreamError(
      "source-failed",
      `source ${this.#name}: its async iterable threw: ${reason}; it cannot be read again, so records may be lost`,
      { domain: "user", retry: "never", cause },
    );
  }
}
