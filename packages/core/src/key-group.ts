import { assert } from "./assert.ts";
import type { KeyGroup } from "./ids.ts";

/** Key groups [start, end], both inclusive, as Flink's KeyGroupRange. */
export interface KeyGroupRange {
  readonly start: number;
  readonly end: number;
}

export interface SubtaskPosition {
  readonly maxParallelism: number;
  readonly parallelism: number;
  readonly subtaskIndex: number;
}

/** Returns the key group of a key's hash, in [0, max parallelism). */
export function keyGroupOf(hash: number, maxParallelism: number): KeyGroup {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the only maker of this brand
  return ((hash >>> 0) % maxParallelism) as KeyGroup;
}

/**
 * Returns the key groups that a subtask owns: contiguous, together all, each once (S9). As Flink's
 * KeyGroupRangeAssignment.computeKeyGroupRangeForOperatorIndex.
 */
export function keyGroupRangeOf(position: SubtaskPosition): KeyGroupRange {
  const { maxParallelism, parallelism, subtaskIndex } = position;
  assert(parallelism <= maxParallelism, `parallelism ${parallelism} is above ${maxParallelism}`);
  const start = Math.ceil((subtaskIndex * maxParallelism) / parallelism);
  const end = Math.ceil(((subtaskIndex + 1) * maxParallelism) / parallelism) - 1;
  return { start, end };
}

/** Returns the subtask that owns a key group; the inverse of `keyGroupRangeOf`. */
export function subtaskIndexOf(
  group: number,
  job: { readonly maxParallelism: number; readonly parallelism: number },
): number {
  return Math.floor((group * job.parallelism) / job.maxParallelism);
}
