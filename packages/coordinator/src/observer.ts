import type { Manifest } from "@millrace/checkpoint";
import type { Attempt, CheckpointId, JobId, LeaderEpoch, SubtaskId } from "@millrace/core";
import type { JobState } from "@millrace/rpc";

/** What a coordinator did, for tests and the simulation's invariants; production passes none. */
export type CoordinatorEvent =
  | { readonly kind: "leading"; readonly leaderEpoch: LeaderEpoch }
  | { readonly kind: "deposed"; readonly leaderEpoch: LeaderEpoch }
  | { readonly kind: "job-state"; readonly jobId: JobId; readonly state: JobState }
  | {
      readonly kind: "attempt-raised";
      readonly jobId: JobId;
      readonly attempt: Attempt;
      /** What it restores; absent when the job begins from nothing. */
      readonly restore?: CheckpointId;
    }
  | {
      readonly kind: "split-assigned";
      readonly jobId: JobId;
      readonly attempt: Attempt;
      readonly subtaskId: SubtaskId;
      readonly splitId: string;
    }
  | {
      readonly kind: "checkpoint-triggered";
      readonly jobId: JobId;
      readonly attempt: Attempt;
      readonly checkpointId: CheckpointId;
    }
  | { readonly kind: "checkpoint-committed"; readonly jobId: JobId; readonly manifest: Manifest }
  | {
      readonly kind: "checkpoint-failed";
      readonly jobId: JobId;
      readonly checkpointId: CheckpointId;
      readonly reason: string;
    }
  /** A metadata transaction's outcome was unknown; it is read back (S3). */
  | { readonly kind: "unknown-outcome"; readonly key: string }
  | { readonly kind: "objects-removed"; readonly names: readonly string[] };

export type CoordinatorObserver = (event: CoordinatorEvent) => void;
