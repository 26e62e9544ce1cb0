import { randomId, StreamError } from "@millrace/core";

import type { CoordinatorContext } from "../context.ts";
import { encodeRecord, type GoalRecord, type ResultRecord } from "../metadata/job-records.ts";
import { parseSnapshot, type JobMemory, type JobSnapshot } from "./job-memory.ts";
import type { JobGoal, JobOutcome } from "./job-states.ts";

/** Records what the user wants; throws `invalid-argument` if the job has ended meanwhile. */
export async function recordGoal(
  context: CoordinatorContext,
  job: JobMemory,
  goal: Exclude<JobGoal, "run">,
): Promise<void> {
  const { keys } = job;
  for (;;) {
    const { goalRevision, result } = job.snapshot;
    if (result !== undefined) {
      const { jobId } = job.record;
      throw new StreamError("invalid-argument", `job ${jobId} has already ${ended(result)}`, {
        domain: "user",
        retry: "never",
      });
    }
    const value = encodeRecord({ goal, nonce: randomId(context.random) } satisfies GoalRecord);
    const outcome = await context.metadata.transact({
      compares: [
        { key: keys.state, target: "modRevision", equals: goalRevision },
        { key: keys.result, target: "createRevision", equals: 0n },
      ],
      writes: [{ kind: "put", key: keys.state, value }],
      marker: { key: keys.state, value },
    });
    if (outcome.kind === "applied") {
      job.snapshot = { ...job.snapshot, goal, goalRevision: outcome.revision };
      return;
    }
    await context.leadership.check();
    const fresh = await readAgain(context, job);
    const { result: newResult } = fresh;
    job.snapshot = {
      ...job.snapshot,
      goal: fresh.goal,
      goalRevision: fresh.goalRevision,
      ...(newResult === undefined ? {} : { result: newResult }),
    };
  }
}

/**
 * Records how the job ended. The attempt's record is written anew with it, so that a commit that is
 * still under way is refused: after the end nothing moves the head.
 */
export async function recordEnd(
  context: CoordinatorContext,
  job: JobMemory,
  outcome: JobOutcome,
): Promise<void> {
  const { keys } = job;
  const record: ResultRecord = {
    outcome: outcome.kind,
    ...(outcome.kind === "failed" ? { failure: outcome.failure } : {}),
    endedAtMs: context.clock.wallMs(),
    nonce: randomId(context.random),
  };
  const value = encodeRecord(record);
  for (;;) {
    const { attempt, pinKeys } = job.snapshot;
    const closed = attempt && { ...attempt.value, nonce: randomId(context.random) };
    const result = await context.metadata.transact({
      compares: [
        { key: keys.result, target: "createRevision", equals: 0n },
        { key: keys.attempt, target: "modRevision", equals: attempt?.revision ?? 0n },
      ],
      writes: [
        { kind: "put", key: keys.result, value },
        ...(closed === undefined
          ? []
          : [{ kind: "put" as const, key: keys.attempt, value: encodeRecord(closed) }]),
        ...pinKeys.map((key) => ({ kind: "delete" as const, key })),
      ],
      marker: { key: keys.result, value },
    });
    if (result.kind === "applied") {
      const revised = closed && { attempt: { value: closed, revision: result.revision } };
      job.snapshot = { ...job.snapshot, ...revised, pinKeys: [], pins: [], result: record };
      return;
    }
    await context.leadership.check();
    job.snapshot = await readAgain(context, job);
    if (job.snapshot.result !== undefined) return;
  }
}

async function readAgain(context: CoordinatorContext, job: JobMemory): Promise<JobSnapshot> {
  const { entries } = await context.metadata.list(job.keys.prefix);
  return parseSnapshot(job.keys, entries);
}

function ended({ outcome }: ResultRecord): string {
  return outcome === "cancelled" || outcome === "stopped" ? `been ${outcome}` : outcome;
}
