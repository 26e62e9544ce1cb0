import type { Barrier, CheckpointId } from "@millrace/core";

/** What an operator task reads: records have been handed to their consumers before an event. */
export type InputEvent =
  /** Nothing is there. */
  | { readonly kind: "empty" }
  /** More is there, but the task has to pause. */
  | { readonly kind: "paused" }
  | { readonly kind: "watermark"; readonly watermarkMs: number }
  | { readonly kind: "status"; readonly isIdle: boolean }
  /** The barrier has arrived on every channel: the cut is now. */
  | { readonly kind: "aligned"; readonly barrier: Barrier; readonly alignmentMs: number }
  /** Every channel has ended. */
  | { readonly kind: "end-of-input" };

export interface TaskInput {
  poll(shouldPause: () => boolean): InputEvent;
  /** The checkpoint is given up: its barriers hold nothing back any more. */
  abortCheckpoint(checkpointId: CheckpointId): void;
  /** Returns where the record is that was handed out last, in words. */
  describePosition(): string;
}
