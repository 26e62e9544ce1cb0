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
  /** Calls that the metadata store did not take, since the start: commits wait for it (F15, F19). */
  readonly metadataFailureCount: number;
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

/** Returns the metrics of a coordinator that does not lead. */
export function idleMetrics(): CoordinatorMetrics {
  return {
    isLeading: false,
    workerCount: 0,
    slotCount: 0,
    freeSlotCount: 0,
    jobCounts: countStates([]),
    staleMessageCount: 0,
    removedObjectCount: 0,
    metadataFailureCount: 0,
    jobs: [],
  };
}

/** Returns how many jobs are in each state. */
export function countStates(states: readonly JobState[]): Readonly<Record<JobState, number>> {
  const counts = new Map<JobState, number>();
  for (const state of states) counts.set(state, (counts.get(state) ?? 0) + 1);
  const of = (state: JobState): number => counts.get(state) ?? 0;
  return {
    created: of("created"),
    "waiting-for-slots": of("waiting-for-slots"),
    deploying: of("deploying"),
    running: of("running"),
    restarting: of("restarting"),
    finishing: of("finishing"),
    stopping: of("stopping"),
    finished: of("finished"),
    stopped: of("stopped"),
    failed: of("failed"),
    cancelled: of("cancelled"),
  };
}
