import type { PaneState } from "@millrace/state";

import { indexBehind } from "./sorted-times.ts";

/** What a key has in one bucket: parallel arrays, by time, and of one time as they came. */
export interface Bucket {
  readonly at: number[];
  readonly records: unknown[];
  /** Where those without a partner come out: who has met one. */
  readonly isMatched?: boolean[];
}

export interface TimeBucketsOptions {
  readonly state: PaneState<Bucket>;
  readonly sizeMs: number;
  /** A record is needed until the watermark is at its time and so much. */
  readonly holdMs: number;
  readonly hasMatches: boolean;
}

/**
 * The records of one input of a join by key and time, in buckets that go as a whole.
 *
 * I1 A bucket is there while one of its records may be needed, and goes by rule once the watermark
 *    has passed its end by `holdMs`: no timer per key, no tombstones.
 * I2 The records of a key in a bucket are sorted by time, so that a range of them costs a search
 *    and what is in it, however long the bucket is.
 */
export class TimeBuckets {
  readonly sizeMs: number;
  readonly holdMs: number;
  readonly #state: PaneState<Bucket>;
  readonly #hasMatches: boolean;
  /** Starts of the buckets that there are. */
  readonly #starts = new Set<number>();
  #nextExpiryMs = Infinity;

  constructor({ state, sizeMs, holdMs, hasMatches }: TimeBucketsOptions) {
    this.#state = state;
    this.sizeMs = sizeMs;
    this.holdMs = holdMs;
    this.#hasMatches = hasMatches;
  }

  /** Takes over what was restored at a watermark. */
  start(watermarkMs: number): void {
    for (const start of this.#state.panes()) this.#learn(start);
    this.expire(watermarkMs);
  }

  /** Returns the start of the bucket that a time lies in. */
  startOf(timeMs: number): number {
    return Math.floor(timeMs / this.sizeMs) * this.sizeMs;
  }

  /** Returns what the current key has in the bucket; not to be changed. */
  get(start: number): Bucket | undefined {
    return this.#starts.has(start) ? this.#state.get(start) : undefined;
  }

  add(record: unknown, timeMs: number, isMatched: boolean): void {
    const start = this.startOf(timeMs);
    if (!this.#starts.has(start)) this.#learn(start);
    const cell = this.#state.cellForUpdate(start);
    const bucket = cell.value;
    if (bucket === undefined) {
      cell.value = this.#hasMatches
        ? { at: [timeMs], records: [record], isMatched: [isMatched] }
        : { at: [timeMs], records: [record] };
      return;
    }
    const { at, records, isMatched: matches } = bucket;
    const last = at.length - 1;
    if (timeMs >= (at[last] ?? -Infinity)) {
      at.push(timeMs);
      records.push(record);
      matches?.push(isMatched);
    } else {
      const index = indexBehind(at, timeMs);
      at.splice(index, 0, timeMs);
      records.splice(index, 0, record);
      matches?.splice(index, 0, isMatched);
    }
  }

  /** Notes that the current key's records of the bucket from index `from` up to `to` have met one. */
  markMatched(start: number, from: number, to: number): void {
    if (!this.#hasMatches) return;
    const matches = this.#state.cellForUpdate(start).value?.isMatched;
    matches?.fill(true, from, to);
  }

  /** Drops the buckets that nobody needs any more. */
  expire(watermarkMs: number): void {
    if (watermarkMs < this.#nextExpiryMs) return;
    this.#nextExpiryMs = Infinity;
    for (const start of this.#starts) {
      const expiryMs = this.#expiryOf(start);
      if (expiryMs > watermarkMs) {
        this.#nextExpiryMs = Math.min(this.#nextExpiryMs, expiryMs);
      } else {
        this.#starts.delete(start);
        this.#state.dropPane(start);
      }
    }
  }

  #learn(start: number): void {
    this.#starts.add(start);
    this.#nextExpiryMs = Math.min(this.#nextExpiryMs, this.#expiryOf(start));
  }

  /** All times of the bucket lie before its end. */
  #expiryOf(start: number): number {
    return start + this.sizeMs + this.holdMs;
  }
}
