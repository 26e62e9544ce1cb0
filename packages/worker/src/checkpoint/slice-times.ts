/** Upper bounds of what slices are counted by, ascending; one more count stands for all above. */
const sliceBoundsMs = [
  0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 6, 8, 10, 15, 25, 50, 100, 1_000,
] as const;

/** How long a slot was held by the slices of snapshots; plain data, as it crosses threads. */
export interface SliceTimes {
  /** By the bounds above, then those above the last bound. */
  readonly counts: readonly number[];
  readonly totalMs: number;
  readonly longestMs: number;
}

/**
 * Counts how long a slot was held by snapshots at a time: by the cut at a barrier, or by one slice of
 * encoding. Not in it: what a change encodes early of its own cell, which is less than such a slice.
 */
export class SliceHistogram {
  readonly #counts: number[] = Array.from({ length: sliceBoundsMs.length + 1 }, () => 0);
  #totalMs = 0;
  #longestMs = 0;

  note(durationMs: number): void {
    const found = sliceBoundsMs.findIndex((boundMs) => durationMs <= boundMs);
    this.#add(found === -1 ? sliceBoundsMs.length : found, 1);
    this.#totalMs += durationMs;
    this.#longestMs = Math.max(this.#longestMs, durationMs);
  }

  merge({ counts, totalMs, longestMs }: SliceTimes): void {
    for (const [index, count] of counts.entries()) this.#add(index, count);
    this.#totalMs += totalMs;
    this.#longestMs = Math.max(this.#longestMs, longestMs);
  }

  read(): SliceTimes {
    return { counts: [...this.#counts], totalMs: this.#totalMs, longestMs: this.#longestMs };
  }

  #add(index: number, count: number): void {
    this.#counts[index] = (this.#counts[index] ?? 0) + count;
  }
}

/** Returns what 99 of 100 slices did not exceed, as the bound above it, or the longest; 0 of none. */
export function p99SliceMs({ counts, longestMs }: SliceTimes): number {
  const sum = counts.reduce((before, count) => before + count, 0);
  let left = Math.ceil(sum * 0.99);
  for (const [index, count] of counts.entries()) {
    left -= count;
    if (left <= 0) return Math.min(longestMs, sliceBoundsMs[index] ?? longestMs);
  }
  return longestMs;
}
