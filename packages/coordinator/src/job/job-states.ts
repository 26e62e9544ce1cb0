/** What a job is and what happens to it: the vocabulary of `job-machine.ts`. */
import type { CheckpointKind } from "@millrace/checkpoint";
import type { CheckpointId, FailureData, SubtaskId } from "@millrace/core";

import type { FailureCounts } from "./restart-policy.ts";

/** What the user wants of the job. */
export type JobGoal = "run" | "stop" | "drain" | "cancel";

export type JobOutcome =
  | { readonly kind: "finished" }
  | { readonly kind: "stopped" }
  | { readonly kind: "cancelled" }
  | { readonly kind: "failed"; readonly failure: FailureData };

export type JobPhase =
  | { readonly kind: "waiting"; readonly shortage?: SlotShortage }
  /** The attempt's transaction is under way; `lost` says that it is spoilt already. */
  | { readonly kind: "raising"; readonly lost?: FailureData }
  | { readonly kind: "deploying"; readonly missing: ReadonlySet<SubtaskId> }
  | { readonly kind: "running"; readonly run: RunningAttempt }
  | { readonly kind: "backing-off"; readonly delayMs: number }
  | { readonly kind: "ending"; readonly outcome: JobOutcome }
  | { readonly kind: "ended"; readonly outcome: JobOutcome };

export interface SlotShortage {
  readonly needed: number;
  readonly free: number;
}

export interface RunningAttempt {
  /** Subtasks that have not drained. */
  readonly undrained: ReadonlySet<SubtaskId>;
  /** Source subtasks that neither stopped nor drained. */
  readonly flowing: ReadonlySet<SubtaskId>;
  /** The checkpoint after which the job ends: asked for, then committed. */
  readonly last?: {
    readonly kind: Exclude<CheckpointKind, "checkpoint">;
    readonly committed?: CheckpointId;
  };
  /** The attempt ends with its next checkpoint, for this reason: another one goes on elsewhere. */
  readonly handOver?: FailureData;
}

export interface JobMachine {
  readonly goal: JobGoal;
  readonly phase: JobPhase;
  /** Whether an attempt was ever raised: then the job waits for slots without a limit. */
  readonly hasRun: boolean;
  readonly subtasks: readonly SubtaskId[];
  readonly sources: readonly SubtaskId[];
  readonly counts: FailureCounts;
  readonly failure?: FailureData;
}

export type JobEvent =
  | { readonly kind: "begin" }
  | { readonly kind: "slots-changed" }
  | {
      readonly kind: "slots-reserved";
      readonly subtasks: readonly SubtaskId[];
      readonly sources: readonly SubtaskId[];
    }
  | { readonly kind: "slots-short"; readonly shortage: SlotShortage }
  | { readonly kind: "slot-wait-over" }
  | { readonly kind: "attempt-raised" }
  | { readonly kind: "attempt-not-raised"; readonly failure: FailureData; readonly jitter: number }
  | { readonly kind: "attempt-failed"; readonly failure: FailureData; readonly jitter: number }
  | {
      readonly kind: "subtask-state";
      readonly subtaskId: SubtaskId;
      readonly state: "ready" | "stopped" | "drained";
    }
  | { readonly kind: "backoff-over" }
  /** A worker of the attempt wants to end (F31). */
  | { readonly kind: "hand-over"; readonly failure: FailureData }
  | { readonly kind: "goal"; readonly goal: Exclude<JobGoal, "run"> }
  | {
      readonly kind: "checkpoint-committed";
      readonly checkpointId: CheckpointId;
      readonly checkpointKind: CheckpointKind;
    }
  /** By every worker of the attempt. */
  | { readonly kind: "published"; readonly checkpointId: CheckpointId }
  | { readonly kind: "end-recorded" };

export type JobEffect =
  | { readonly kind: "reserve-slots" }
  | { readonly kind: "raise-attempt" }
  | { readonly kind: "deploy" }
  | { readonly kind: "start" }
  | { readonly kind: "stop-sources"; readonly isDrain: boolean }
  | { readonly kind: "request-checkpoint"; readonly checkpointKind: CheckpointKind }
  /** Nothing more is triggered: the last checkpoint has committed. */
  | { readonly kind: "suspend-checkpoints" }
  | { readonly kind: "cancel-attempt"; readonly reason: string }
  | { readonly kind: "wait-backoff"; readonly delayMs: number }
  | { readonly kind: "record-end"; readonly outcome: JobOutcome };

export interface Transition {
  readonly machine: JobMachine;
  readonly effects: readonly JobEffect[];
}
