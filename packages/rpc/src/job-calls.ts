import type { CheckpointKind } from "@millrace/checkpoint";
import type {
  CheckpointId,
  FailureData,
  JobId,
  JsonValue,
  StreamErrorCode,
  SubtaskId,
  WorkerId,
} from "@millrace/core";

import type { LogLine, SubtaskMetrics } from "./session-messages.ts";

/** The calls of the job service, by method name: what the CLI asks of a coordinator. */
export interface JobCalls {
  SubmitJob: { request: SubmitJobRequest; response: { readonly jobId: JobId } };
  ListJobs: { request: Record<string, never>; response: { readonly jobs: readonly JobSummary[] } };
  DescribeJob: { request: { readonly jobId: JobId }; response: JobDescription };
  /** Ends without a savepoint; answers when the request is recorded. */
  CancelJob: { request: { readonly jobId: JobId }; response: Record<string, never> };
  /** Savepoint, then the end; answers when the request is recorded. */
  StopJob: {
    request: { readonly jobId: JobId; readonly isDrain: boolean };
    response: Record<string, never>;
  };
  ListCheckpoints: {
    request: { readonly jobId: JobId };
    response: { readonly checkpoints: readonly CheckpointSummary[] };
  };
  /** Reads retained checkpoints back, one or all, and answers with what is wrong with them. */
  VerifyCheckpoints: {
    request: { readonly jobId: JobId; readonly checkpointId?: CheckpointId };
    response: { readonly checkpoints: readonly VerifiedCheckpoint[] };
  };
  /**
   * Answers with lines after the sequence number; waits up to `waitMs` if there are none. Each leader
   * counts from 1, so a number of another leader's begins anew; epoch 0n goes with number 0.
   */
  ReadLogs: {
    request: {
      readonly jobId: JobId;
      readonly afterSequence: number;
      readonly leaderEpoch: bigint;
      readonly waitMs: number;
    };
    response: {
      readonly lines: readonly LogLine[];
      readonly lastSequence: number;
      readonly leaderEpoch: bigint;
    };
  };
  DescribeCluster: { request: Record<string, never>; response: ClusterDescription };
}

export type JobMethod = keyof JobCalls;

export interface SubmitJobRequest {
  /** Made by the client; the same id again answers with the same job (F3). */
  readonly requestId: string;
  readonly planJson: string;
  readonly bundle: Uint8Array;
  readonly bundleSha256: string;
  readonly params: JsonValue;
  readonly environment: Readonly<Record<string, string>>;
  /** Overrides the plan's default; absent: the plan's, else the free slots, at most 8. */
  readonly parallelism?: number;
  /** Absent: the job begins from nothing. */
  readonly restoreFrom?: RestoreFrom;
}

/** A checkpoint of a job that has ended, which another job goes on from. */
export interface RestoreFrom {
  readonly jobId: JobId;
  /** A retained checkpoint of the job; absent: its latest. */
  readonly checkpointId?: CheckpointId;
  /** State of operators that the new job does not have may be left behind. */
  readonly allowDroppedState: boolean;
}

/** The states of a job, as users see them. */
export const jobStates = [
  "created",
  "waiting-for-slots",
  "deploying",
  "running",
  "restarting",
  "finishing",
  "stopping",
  "finished",
  "stopped",
  "failed",
  "cancelled",
] as const;

export type JobState = (typeof jobStates)[number];

export interface JobSummary {
  readonly jobId: JobId;
  readonly jobName: string;
  readonly state: JobState;
  readonly attempt: number;
  readonly submittedAtMs: number;
  /** Of a job in a terminal state. */
  readonly endedAtMs?: number;
}

export interface JobDescription extends JobSummary {
  readonly planJson: string;
  readonly parallelism: number;
  /** What the state waits for, in words; empty if nothing. */
  readonly detail: string;
  readonly head?: CheckpointSummary;
  readonly checkpointsCompleted: number;
  readonly checkpointsFailed: number;
  readonly subtasks: readonly {
    readonly subtaskId: SubtaskId;
    readonly workerId: WorkerId;
    readonly slotIndex: number;
    readonly metrics?: SubtaskMetrics;
  }[];
  /** The last failure, also of a job that runs again. */
  readonly failure?: FailureData;
  readonly recoveries: readonly RecoverySummary[];
}

/** One restart: from detection to the first subtasks running again. */
export interface RecoverySummary {
  readonly attempt: number;
  readonly atMs: number;
  readonly durationMs: number;
  readonly cause: string;
  readonly checkpointId?: CheckpointId;
  readonly restoredBytes: number;
  /** The sources' positions that it resumed from, in words. */
  readonly sourcePositions: string;
}

export interface CheckpointSummary {
  readonly checkpointId: CheckpointId;
  readonly kind: CheckpointKind;
  readonly completedAtMs: number;
  readonly durationMs: number;
  /** Uploaded for this checkpoint, and referenced by it in all. */
  readonly newBytes: number;
  readonly totalBytes: number;
  readonly isHead: boolean;
  /** The head that it replaced; absent for the first, and for those of versions that did not say it. */
  readonly parentId?: CheckpointId;
}

/** What reading a checkpoint back showed. */
export interface VerifiedCheckpoint {
  readonly checkpointId: CheckpointId;
  readonly kind: CheckpointKind;
  /** The manifest and the segments. */
  readonly objectCount: number;
  readonly blockCount: number;
  /** Of what the checkpoint references, as far as it could be read. */
  readonly readBytes: number;
  /** Cells and list entries in all blocks; a cell that changed stands in several. */
  readonly entryCount: number;
  /** Empty: it can be restored. */
  readonly problems: readonly CheckpointProblem[];
}

export interface CheckpointProblem {
  readonly objectName: string;
  readonly code: StreamErrorCode;
  readonly message: string;
}

export interface ClusterDescription {
  readonly clusterId: string;
  readonly leaderEpoch: bigint;
  readonly version: string;
  readonly workers: readonly {
    readonly workerId: WorkerId;
    readonly processId: number;
    readonly slotCount: number;
    readonly freeSlotCount: number;
    readonly version: string;
  }[];
}
