import type { JobId } from "@millrace/core";
import type { JobState } from "@millrace/rpc";

/** Counters and gauges of a coordinator as of now, ready for Prometheus. */
export interface CoordinatorMetrics {
  readonly isLeading: boolean;
  readonly workerCount: number;
  readonly slotCount: number;
  readonly freeSlotCount: number;
  readonly jobCounts: Readonly<Record<JobState, number>>;
  /** Messages of a lower leader epoch or attempt that were refused (S2). */
  readonly staleMessageCount: number;
  readonly removedObjectCount: number;
  readonly jobs: readonly JobMetrics[];
}

/** Counters since this coordinator took the job up. */
export interface JobMetrics {
  readonly jobId: JobId;
  readonly jobName: string;
  readonly state: JobState;
  readonly checkpointsCompleted: number;
  readonly checkpointsFailed: number;
  /** Of the checkpoints completed so far, summed. */
  readonly checkpointDurationMsTotal: number;
  readonly checkpointBytesTotal: number;
  /** Of the last completed checkpoint; 0 before the first. */
  readonly lastCheckpointDurationMs: number;
  readonly lastCheckpointBytes: number;
  readonly restartCount: number;
  /** From detection to running again; 0 before the first. */
  readonly lastRestoreMs: number;
  readonly restoreMsTotal: number;
}
