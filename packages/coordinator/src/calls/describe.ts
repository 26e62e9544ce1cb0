import type { CommittedCheckpoint } from "@millrace/checkpoint";
import type { FailureData } from "@millrace/core";
import type { CheckpointSummary, JobDescription, JobSummary } from "@millrace/rpc";

import type { JobRunner } from "../job/job-runner.ts";
import { describeWait } from "../job/job-view.ts";
import { resolveParallelism } from "../job/scheduler.ts";

/** Returns the job's line in the list. */
export function summarizeJob(runner: JobRunner): JobSummary {
  const { record, snapshot } = runner.job;
  const endedAtMs = snapshot.result?.endedAtMs;
  return {
    jobId: record.jobId,
    jobName: record.jobName,
    state: runner.state(),
    attempt: runner.attempt(),
    submittedAtMs: record.submittedAtMs,
    ...(endedAtMs === undefined ? {} : { endedAtMs }),
  };
}

/** Returns all that users may know of the job. */
export function describeJob(runner: JobRunner): JobDescription {
  const { job, stats } = runner;
  const head = job.snapshot.head?.value;
  const failure = failureOf(runner);
  return {
    ...summarizeJob(runner),
    planJson: job.record.planJson,
    parallelism: resolveParallelism(job, 1),
    detail: detailOf(runner),
    ...(head === undefined ? {} : { head: summarizeCheckpoint(head, head) }),
    checkpointsCompleted: stats.completed,
    checkpointsFailed: stats.failed,
    subtasks: runner.placements().map(({ subtaskId, workerId, slotIndex }) => {
      const metrics = runner.metricsOf(subtaskId);
      return { subtaskId, workerId, slotIndex, ...(metrics === undefined ? {} : { metrics }) };
    }),
    ...(failure === undefined ? {} : { failure }),
    recoveries: runner.recovery.recoveries(),
  };
}

/** Returns the job's retained checkpoints, newest first. */
export function summarizeCheckpoints(runner: JobRunner): readonly CheckpointSummary[] {
  const { checkpoints, head } = runner.job.snapshot;
  return checkpoints.toReversed().map((checkpoint) => summarizeCheckpoint(checkpoint, head?.value));
}

function summarizeCheckpoint(
  checkpoint: CommittedCheckpoint,
  head: CommittedCheckpoint | undefined,
): CheckpointSummary {
  const { checkpointId, kind, parentId, completedAtMs, durationMs } = checkpoint;
  const { newBytes, totalBytes } = checkpoint;
  const isHead = checkpointId === head?.checkpointId;
  const parent = parentId === undefined ? {} : { parentId };
  return { checkpointId, kind, ...parent, completedAtMs, durationMs, newBytes, totalBytes, isHead };
}

function detailOf(runner: JobRunner): string {
  const { failedInRow, lastFailure } = runner.stats;
  const waits = describeWait(runner.machine());
  const failing = failedInRow === 0 ? "" : `${failedInRow} failed in a row, last ${lastFailure}`;
  return [waits === "" ? "" : `waits for ${waits}`, failing].filter((t) => t !== "").join("; ");
}

function failureOf(runner: JobRunner): FailureData | undefined {
  const { phase, failure } = runner.machine();
  const isFailed = phase.kind === "ending" || phase.kind === "ended";
  return isFailed && phase.outcome.kind === "failed" ? phase.outcome.failure : failure;
}
