import type { SplitRecord } from "@millrace/checkpoint";
import type { JsonValue } from "@millrace/core";
import type { SourceBatch, SourceReader, SplitHandle } from "@millrace/graph";

import type { SourceEntry } from "./source-entry.ts";
import { sourceFailure } from "./source-failure.ts";
import type { SplitWatermark } from "./split-watermark.ts";
import type { Mailbox, Outcome } from "./task.ts";

/** What of a mailbox a split uses. */
type Join = Pick<Mailbox, "join">;

/**
 * A split that this subtask has, opened or not, and the cursor in its current batch.
 *
 * I1 `entry` names the first record that was not handed to the chain, at every moment between two
 *    records, also before the split is open and between two batches (S8, S9).
 * I2 At most one batch is read ahead of the current one.
 */
export class HeldSplit {
  readonly split: SplitRecord;
  readonly watermark: SplitWatermark;
  readonly #startPosition: JsonValue | undefined;
  #handle: SplitHandle<unknown> | undefined;
  #batch: SourceBatch<unknown> | undefined;
  #nextBatch: SourceBatch<unknown> | undefined;
  #isOpening = false;
  #isFetching = false;
  #isAtEnd = false;
  /** Of the next record in the current batch. */
  index = 0;

  constructor(
    split: SplitRecord,
    start: { readonly watermark: SplitWatermark; readonly position: JsonValue | undefined },
  ) {
    this.split = split;
    this.watermark = start.watermark;
    this.#startPosition = start.position;
  }

  /** Records of the current batch; none before the first. */
  records(): readonly unknown[] {
    return this.#batch?.records ?? [];
  }

  /** Nothing follows and all was handed out. */
  isFinished(): boolean {
    return this.#isAtEnd && this.#nextBatch === undefined && this.index >= this.records().length;
  }

  /** Opens the split, or reads the next batch, unless one of them is under way. */
  advance(reader: SourceReader<unknown>, mailbox: Join, onFailure: (error: unknown) => void): void {
    if (this.index >= this.records().length && this.#nextBatch !== undefined) {
      this.#batch = this.#nextBatch;
      this.#nextBatch = undefined;
      this.index = 0;
    }
    const fail = (error: unknown): void => onFailure(this.#readFailure(error));
    if (this.#handle === undefined) this.#open(reader, mailbox, fail);
    else this.#fetch(this.#handle, mailbox, fail);
  }

  /** Frees what an open split holds. */
  close(mailbox: Join, onFailure: (error: unknown) => void): void {
    const handle = this.#handle;
    if (handle === undefined) return;
    mailbox.join(handle.close(), {
      onValue: () => {},
      onFailure: (error) => onFailure(this.#readFailure(error)),
    });
  }

  /** Returns what a snapshot stores of the split. */
  entry(): SourceEntry {
    const position = this.#position();
    const { watermarkMs } = this.watermark;
    return {
      split: this.split,
      ...(position === undefined ? {} : { position }),
      ...(Number.isFinite(watermarkMs) ? { watermarkMs } : {}),
    };
  }

  /** Returns where the next record is, in words. */
  describePosition(): string {
    const position = this.#position();
    const where = position === undefined ? "its beginning" : JSON.stringify(position);
    return `split ${this.split.id} at ${where}`;
  }

  #position(): JsonValue | undefined {
    return this.#batch === undefined ? this.#startPosition : this.#batch.positionAt(this.index);
  }

  #open(reader: SourceReader<unknown>, mailbox: Join, onFailure: (error: unknown) => void): void {
    if (this.#isOpening) return;
    this.#isOpening = true;
    joinCall(mailbox, () => reader.open(this.split, this.#startPosition), {
      onValue: (handle) => {
        this.#handle = handle;
      },
      onFailure,
    });
  }

  #fetch(handle: SplitHandle<unknown>, mailbox: Join, onFailure: (error: unknown) => void): void {
    if (this.#isFetching || this.#isAtEnd || this.#nextBatch !== undefined) return;
    this.#isFetching = true;
    joinCall(mailbox, () => handle.nextBatch(), {
      onValue: (batch) => {
        this.#isFetching = false;
        if (batch === undefined) this.#isAtEnd = true;
        else this.#nextBatch = batch;
      },
      onFailure,
    });
  }

  #readFailure(error: unknown): unknown {
    const where = this.describePosition();
    return sourceFailure(error, { what: `reading ${where}`, location: { position: where } });
  }
}

/** Also what a connector throws before it returns a promise is an outcome. */
function joinCall<T>(mailbox: Join, call: () => Promise<T>, outcome: Outcome<T>): void {
  const run = async (): Promise<T> => call();
  mailbox.join(run(), outcome);
}
