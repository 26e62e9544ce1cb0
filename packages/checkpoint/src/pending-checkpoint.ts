/**
 * A checkpoint that was triggered and is not committed: who has acknowledged what. Pure values; it
 * is not the policy (`trigger-policy.ts`) and writes nothing (`commit.ts`).
 *
 * I1 It is complete when every subtask of the attempt is in exactly one ack.
 * I2 A subtask's ack counts only from the worker that runs it.
 * I3 After it was aborted or complete, nothing changes it: what comes then is late.
 */
import type { CheckpointId, SubtaskId, WorkerId } from "@millrace/core";

import type { CheckpointKind, SplitPoolCut, WorkerCut } from "./manifest.ts";

export interface PendingCheckpoint {
  readonly checkpointId: CheckpointId;
  readonly kind: CheckpointKind;
  readonly base?: CheckpointId;
  readonly triggeredAtMs: number;
  readonly splitPools: readonly SplitPoolCut[];
  /** Which worker runs each subtask of the attempt, in the plan's order. */
  readonly expected: ReadonlyMap<SubtaskId, WorkerId>;
  readonly acks: ReadonlyMap<WorkerId, WorkerCut>;
  readonly phase: "collecting" | "complete" | "aborted";
}

export type AckResult =
  /** Taken; others are missing. */
  | "accepted"
  /** Taken, and it was the last one. */
  | "complete"
  /** This worker has acknowledged already. */
  | "duplicate"
  /** It names a subtask that the worker does not run, or misses one that it runs. */
  | "unknown"
  /** The checkpoint was aborted or is complete. */
  | "late";

export type PendingCheckpointFacts = Omit<PendingCheckpoint, "acks" | "phase">;

/** Returns a pending checkpoint that nobody has acknowledged yet. */
export function createPendingCheckpoint(facts: PendingCheckpointFacts): PendingCheckpoint {
  return { ...facts, acks: new Map(), phase: "collecting" };
}

/** Returns what the ack means, and the pending checkpoint after it. */
export function acknowledge(
  pending: PendingCheckpoint,
  workerId: WorkerId,
  cut: WorkerCut,
): { readonly result: AckResult; readonly pending: PendingCheckpoint } {
  if (pending.acks.has(workerId)) return { result: "duplicate", pending };
  if (pending.phase !== "collecting") return { result: "late", pending };
  if (!isOwnCut(pending, workerId, cut)) return { result: "unknown", pending };
  const acks = new Map(pending.acks).set(workerId, cut);
  const isComplete = [...pending.expected.values()].every((owner) => acks.has(owner));
  return isComplete
    ? { result: "complete", pending: { ...pending, acks, phase: "complete" } }
    : { result: "accepted", pending: { ...pending, acks } };
}

/** Returns the checkpoint as aborted, unless it is complete: then it stands (S3). */
export function abortPending(pending: PendingCheckpoint): PendingCheckpoint {
  return pending.phase === "complete" ? pending : { ...pending, phase: "aborted" };
}

/** Returns the subtasks whose worker has not acknowledged, for the message of a timeout. */
export function missingSubtasks(pending: PendingCheckpoint): readonly SubtaskId[] {
  return [...pending.expected]
    .filter(([, workerId]) => !pending.acks.has(workerId))
    .map(([subtaskId]) => subtaskId);
}

/** Returns the acknowledged cuts in the order of the worker ids: a manifest has one order. */
export function orderedCuts(pending: PendingCheckpoint): readonly WorkerCut[] {
  return [...pending.acks].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, cut]) => cut);
}

function isOwnCut(pending: PendingCheckpoint, workerId: WorkerId, cut: WorkerCut): boolean {
  const named = new Set(cut.subtasks.map(({ subtaskId }) => subtaskId));
  const own = [...pending.expected].filter(([, owner]) => owner === workerId);
  return (
    own.length > 0 &&
    named.size === cut.subtasks.length &&
    named.size === own.length &&
    own.every(([subtaskId]) => named.has(subtaskId))
  );
}
