import { findMismatch, type CommittedCheckpoint, type RestoringPlan } from "@millrace/checkpoint";
import { StreamError, type StreamErrorCode } from "@millrace/core";
import { findPlanConflict, type JobGraph } from "@millrace/graph";
import type { RestoreFrom } from "@millrace/rpc";

import { assertRestorable, readManifest } from "../checkpoint/recovery.ts";
import type { CoordinatorContext } from "../context.ts";
import { parseJob, type JobMemory } from "../job/job-memory.ts";
import type { RestoreFromRecord } from "../metadata/job-records.ts";

/**
 * Returns the checkpoint of another job that a submission wants to go on from, as the job's record
 * holds it. That job must have ended: two jobs would both publish what comes after the checkpoint,
 * and its pointers, which nothing drops any more, keep the objects (S4). Throws `not-found`,
 * `invalid-argument`, `state-incompatible`, `manifest-corrupt`.
 */
export async function chooseRestore(
  context: CoordinatorContext,
  from: RestoreFrom,
  plan: JobGraph,
): Promise<RestoreFromRecord> {
  const origin = await readOrigin(context, from);
  const checkpoint = choosePointer(origin, from);
  const manifest = await readManifest(context, checkpoint);
  assertRestorable(context, from.jobId, manifest);
  const stored = new Set(manifest.chains.map(({ operator }) => operator));
  const mismatch =
    findMismatch(manifest, restoringPlan(plan, from)) ??
    findPlanConflict(origin.plan, plan, stored);
  if (mismatch === undefined) return { jobId: from.jobId, checkpoint };
  throw refuse(
    "state-incompatible",
    `job ${plan.jobName} cannot go on from checkpoint ${checkpoint.checkpointId} of job ${from.jobId}: ${mismatch}`,
  );
}

async function readOrigin(context: CoordinatorContext, from: RestoreFrom): Promise<JobMemory> {
  const keys = context.keys.job(from.jobId);
  const { entries } = await context.metadata.list(keys.prefix);
  const origin = parseJob(keys, entries);
  if (origin === undefined) {
    throw refuse("not-found", `there is no job ${from.jobId}; \`millrace list\` shows the jobs`);
  }
  if (origin.snapshot.result !== undefined) return origin;
  throw refuse(
    "invalid-argument",
    `job ${from.jobId} has not ended, and both jobs would give the same output: end it with \`millrace stop ${from.jobId}\` or \`millrace cancel ${from.jobId}\` first`,
  );
}

function choosePointer(
  { snapshot: { checkpoints, head } }: JobMemory,
  { jobId, checkpointId }: RestoreFrom,
): CommittedCheckpoint {
  const found =
    checkpointId === undefined
      ? head?.value
      : checkpoints.find((checkpoint) => checkpoint.checkpointId === checkpointId);
  if (found !== undefined) return found;
  const ids = checkpoints.map((checkpoint) => checkpoint.checkpointId);
  const what = checkpointId === undefined ? "no checkpoint" : `no checkpoint ${checkpointId}`;
  const kept = ids.length === 0 ? "it never completed one" : `it retains ${ids.join(", ")}`;
  throw refuse("not-found", `job ${jobId} has ${what}: ${kept}`);
}

function restoringPlan(plan: JobGraph, { allowDroppedState }: RestoreFrom): RestoringPlan {
  return {
    maxParallelism: plan.settings.maxParallelism,
    operators: plan.vertices.flatMap(({ operators }) => operators),
    allowDroppedState,
  };
}

function refuse(code: StreamErrorCode, message: string): StreamError {
  return new StreamError(code, message, { domain: "user", retry: "never" });
}
