import { assert } from "@millrace/core";

import type { Combining, PaneCursor } from "./combining.ts";
import type { PartialRecord } from "./partial.ts";

/** Where things go that leave the table. */
export interface CombineOutput {
  emitPartial(partial: PartialRecord, hash: number): void;
  /** Takes a record that was folded with no other. */
  emitSingle(record: unknown, timestampMs: number, hash: number): void;
}

export interface CombineTableOptions {
  readonly combining: Combining;
  /** A power of two. */
  readonly entryCount: number;
  readonly output: CombineOutput;
}

/** What a new entry is worth: so many records of other keys may ask for its place in vain. */
const firstCredit = 1;

/**
 * Partial aggregates by key and pane, in a table that has one place for each of them. It searches
 * nothing and never grows, so it is cheaper than a Map, which loses more than combining saves. Who
 * finds his place taken goes on by himself, or, once those who do outnumber the records of who holds
 * it, takes it over (the majority vote of Boyer and Moore): so frequent keys keep their places.
 *
 * I1 Each record that was added leaves once, in a partial or by itself; those of one key and pane
 *    in order.
 * I2 Keys are compared by `===`: NaN, Dates and tuples, which it takes for different though they
 *    are equal, are only not folded.
 * I3 Of a record that is an object nothing is kept but what `create` and `add` made of it.
 */
export class CombineTable {
  /** Entries that hold something. */
  size = 0;
  /** What is held leaves before a watermark of this; Infinity when nothing is. */
  dueMs: number = Infinity;
  readonly #combining: Combining;
  readonly #panes: PaneCursor;
  readonly #output: CombineOutput;
  readonly #mask: number;
  readonly #keys: unknown[];
  readonly #values: unknown[];
  readonly #hashes: Int32Array;
  readonly #paneStarts: Float64Array;
  readonly #timestamps: Float64Array;
  /** Records in the entry; 0: it is free. */
  readonly #counts: Uint32Array;
  /** By how many the entry's records outnumber the others that asked for its place. */
  readonly #credits: Int32Array;
  /** 1: the value is the entry's one record as it came. */
  readonly #isSingle: Uint8Array;
  /** Places of the entries that hold something: the first `size` of it. */
  readonly #occupied: Int32Array;

  constructor({ combining, entryCount, output }: CombineTableOptions) {
    assert((entryCount & (entryCount - 1)) === 0, "a table has a power of two of entries");
    this.#combining = combining;
    this.#panes = combining.panes;
    this.#output = output;
    this.#mask = entryCount - 1;
    this.#keys = Array.from({ length: entryCount }, () => undefined);
    this.#values = Array.from({ length: entryCount }, () => undefined);
    this.#hashes = new Int32Array(entryCount);
    this.#paneStarts = new Float64Array(entryCount);
    this.#timestamps = new Float64Array(entryCount);
    this.#counts = new Uint32Array(entryCount);
    this.#credits = new Int32Array(entryCount);
    this.#isSingle = new Uint8Array(entryCount);
    this.#occupied = new Int32Array(entryCount);
  }

  /** Takes the record; the pane cursor stands at its event time. */
  add(record: unknown, timestampMs: number, key: unknown, hash: number): void {
    const { pane } = this.#panes;
    const place = placeOf(hash, pane) & this.#mask;
    if (this.#counts[place] === 0) {
      this.#occupied[this.size] = place;
      this.size += 1;
      this.#occupy(place, record, key);
      this.#setHead(place, timestampMs, hash);
    } else if (
      this.#hashes[place] === hash &&
      this.#keys[place] === key &&
      this.#paneStarts[place] === pane
    ) {
      this.#fold(place, record, timestampMs);
    } else if ((this.#credits[place] ?? 0) > 0) {
      this.#credits[place] = (this.#credits[place] ?? 0) - 1;
      this.#output.emitSingle(record, timestampMs, hash);
    } else {
      this.#send(place);
      this.#occupy(place, record, key);
      this.#setHead(place, timestampMs, hash);
    }
  }

  /** Sends one entry on; there is one. */
  sendOne(): void {
    this.size -= 1;
    const place = this.#occupied[this.size] ?? 0;
    this.#send(place);
    this.#counts[place] = 0;
    this.#keys[place] = undefined;
    this.#values[place] = undefined;
    if (this.size === 0) this.dueMs = Infinity;
  }

  #fold(place: number, record: unknown, timestampMs: number): void {
    const { create, add } = this.#combining;
    let value = this.#values[place];
    if (this.#isSingle[place] === 1) {
      value = create(value);
      this.#isSingle[place] = 0;
    }
    const replaced: unknown = add(value, record);
    this.#values[place] = replaced === undefined ? value : replaced;
    this.#counts[place] = (this.#counts[place] ?? 0) + 1;
    this.#credits[place] = (this.#credits[place] ?? 0) + 1;
    if (timestampMs > (this.#timestamps[place] ?? 0)) this.#timestamps[place] = timestampMs;
    this.#lowerDue();
  }

  #occupy(place: number, record: unknown, key: unknown): void {
    const isObject = typeof record === "object" && record !== null;
    this.#values[place] = isObject ? this.#combining.create(record) : record;
    this.#isSingle[place] = isObject ? 0 : 1;
    this.#keys[place] = key;
  }

  #setHead(place: number, timestampMs: number, hash: number): void {
    this.#hashes[place] = hash;
    this.#paneStarts[place] = this.#panes.pane;
    this.#timestamps[place] = timestampMs;
    this.#counts[place] = 1;
    this.#credits[place] = firstCredit;
    this.#lowerDue();
  }

  #lowerDue(): void {
    const { dueMs } = this.#panes;
    if (dueMs < this.dueMs) this.dueMs = dueMs;
  }

  #send(place: number): void {
    const timestampMs = this.#timestamps[place] ?? 0;
    const hash = this.#hashes[place] ?? 0;
    const value = this.#values[place];
    if (this.#isSingle[place] === 1) {
      this.#output.emitSingle(value, timestampMs, hash);
    } else {
      const recordCount = this.#counts[place] ?? 0;
      const partial = { key: this.#keys[place], value, timestampMs, recordCount };
      this.#output.emitPartial(partial, hash);
    }
  }
}

/** Returns what a key and pane have for a place, before it is cut to the table's size. */
export function placeOf(hash: number, pane: number): number {
  // Panes are multiples of their length: only the upper bits of the product are spread.
  return hash ^ (Math.imul(pane | 0, 0x9e37_79b1) >>> 16);
}
