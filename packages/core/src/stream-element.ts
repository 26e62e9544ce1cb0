import type { CheckpointId } from "./ids.ts";

/** Event time before any record, and after the end of input; both travel as float64. */
export const minWatermark: number = -Infinity;
export const maxWatermark: number = Infinity;

/**
 * What a barrier carries. A **delta** holds everything changed since the barrier of `base`, which
 * was the head when this checkpoint was triggered; a subtask that has not acked `base` answers in
 * full.
 */
export interface Barrier {
  readonly checkpointId: CheckpointId;
  readonly base?: CheckpointId;
  readonly mode: "full" | "delta";
}
