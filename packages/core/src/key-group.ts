import type { KeyGroup } from "./ids.ts";

/** Key groups [start, end] of one subtask; both ends belong to it. */
export interface KeyGroupRange {
  readonly start: number;
  readonly end: number;
}

export interface KeyGroupOwner {
  readonly maxParallelism: number;
  /** At most the max parallelism. */
  readonly parallelism: number;
  readonly subtaskIndex: number;
}

/**
 * Returns the key group of a key's hash, signed or unsigned. V8 is told that all numbers are unsigned
 * integers: it would take the remainder of doubles otherwise, which is some 10 ns for each record.
 */
export function keyGroupOf(hash: number, maxParallelism: number): KeyGroup {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the only maker of this brand
  return (((hash >>> 0) % (maxParallelism >>> 0)) >>> 0) as KeyGroup;
}

/** Returns the groups of a subtask, as Flink's KeyGroupRangeAssignment computes them. */
export function keyGroupRangeOf(owner: KeyGroupOwner): KeyGroupRange {
  const { maxParallelism, parallelism, subtaskIndex } = owner;
  const start = Math.floor((subtaskIndex * maxParallelism + parallelism - 1) / parallelism);
  const end = Math.floor(((subtaskIndex + 1) * maxParallelism - 1) / parallelism);
  return { start, end };
}

/** Returns the subtask that owns the group; the inverse of `keyGroupRangeOf`. */
export function subtaskIndexOf(
  keyGroup: number,
  shape: { readonly maxParallelism: number; readonly parallelism: number },
): number {
  return Math.floor((keyGroup * shape.parallelism) / shape.maxParallelism);
}
