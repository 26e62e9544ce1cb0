import type { CheckpointId } from "@millrace/core";

import type { CheckpointKind } from "./manifest.ts";

export interface RetainedCheckpoint {
  readonly checkpointId: CheckpointId;
  readonly kind: CheckpointKind;
}

export interface RetentionFacts {
  readonly checkpoints: readonly RetainedCheckpoint[];
  /** How many of the newest to keep; the head is always kept. */
  readonly retainedCount: number;
  /** Checkpoints that a restore reads. */
  readonly pinned: ReadonlySet<CheckpointId>;
}

/**
 * Returns the checkpoints whose pointers may go, oldest first. The newest `retainedCount` stay
 * (savepoints are not counted among them), savepoints stay for ever, so does what is pinned.
 */
export function decideRetention(facts: RetentionFacts): readonly CheckpointId[] {
  const ordinary = facts.checkpoints
    .filter(({ kind }) => kind !== "savepoint")
    .map(({ checkpointId }) => checkpointId)
    .toSorted((a, b) => (a < b ? -1 : 1));
  const surplus = ordinary.slice(
    0,
    Math.max(0, ordinary.length - Math.max(1, facts.retainedCount)),
  );
  return surplus.filter((checkpointId) => !facts.pinned.has(checkpointId));
}
