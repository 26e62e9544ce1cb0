/**
 * Begins an attempt: raises it in a fenced transaction and reads what it restores.
 *
 * I1 The transaction compares attempt and head: after it no commit of an older attempt can succeed,
 *    so that the head read with it is what the attempt restores, exactly (S7).
 * I2 What is restored is pinned by the same transaction (S4).
 *    A checkpoint of another job needs no pin: that job has ended, so its pointers stay.
 * I3 A manifest that is not what the metadata says ends the job: nothing older is taken instead.
 */
import {
  encodeCommittedCheckpoint,
  parseManifest,
  type CommittedCheckpoint,
  type Manifest,
} from "@millrace/checkpoint";
import {
  parseAttempt,
  randomId,
  retry,
  StreamError,
  type Attempt,
  type JobId,
  type RetryPolicy,
} from "@millrace/core";

import type { CoordinatorContext } from "../context.ts";
import { parseSnapshot, type JobMemory } from "../job/job-memory.ts";
import { encodeRecord, idReserve, type AttemptRecord } from "../metadata/job-records.ts";

export interface RaisedAttempt {
  readonly attempt: Attempt;
  /** Absent when the job begins from nothing. */
  readonly restore?: RestoredCheckpoint;
  /** The pin on what is restored; the first commit ends it. */
  readonly pinKey?: string;
}

export interface RestoredCheckpoint {
  readonly checkpoint: CommittedCheckpoint;
  readonly manifest: Manifest;
  /** It is of another job, so that no checkpoint of this one may build on it. */
  readonly isForeign: boolean;
}

/** Where an attempt runs. */
export type AttemptPlace = Pick<AttemptRecord, "parallelism" | "slots">;

/** Returns the raised attempt; throws `stale`, `manifest-corrupt` or `state-incompatible`. */
export async function raiseAttempt(
  context: CoordinatorContext,
  job: JobMemory,
  place: AttemptPlace,
): Promise<RaisedAttempt> {
  for (;;) {
    const raised = await tryRaise(context, job, place);
    if (raised !== undefined) return raised;
    // Refused: not leading any more, or a commit of the attempt before came in between.
    await context.leadership.check();
  }
}

async function tryRaise(
  context: CoordinatorContext,
  job: JobMemory,
  place: AttemptPlace,
): Promise<RaisedAttempt | undefined> {
  const { keys } = job;
  const before = await readSnapshot(context, job);
  const { head } = before;
  const foreignId = job.record.restoreFrom?.checkpoint.checkpointId ?? 0n;
  const record = nextAttempt(context, { before, foreignId }, place);
  const value = encodeRecord(record);
  const pinKey = keys.pin(record.attempt);
  const isHeadIgnored = context.failpoints.isActive("raise-ignores-head");
  const headUnchanged = {
    key: keys.head,
    target: "modRevision",
    equals: head?.revision ?? 0n,
  } as const;
  const result = await context.metadata.transact({
    compares: [
      { key: keys.attempt, target: "modRevision", equals: before.attempt?.revision ?? 0n },
      ...(isHeadIgnored ? [] : [headUnchanged]),
      { key: keys.result, target: "createRevision", equals: 0n },
    ],
    writes: [
      { kind: "put", key: keys.attempt, value },
      ...before.pinKeys.map((key) => ({ kind: "delete" as const, key })),
      ...(head === undefined
        ? []
        : [{ kind: "put" as const, key: pinKey, value: encodeCommittedCheckpoint(head.value) }]),
    ],
    marker: { key: keys.attempt, value },
  });
  if (result.kind === "refused") return undefined;
  const pins =
    head === undefined ? { pinKeys: [], pins: [] } : { pinKeys: [pinKey], pins: [head.value] };
  job.snapshot = { ...before, ...pins, attempt: { value: record, revision: result.revision } };
  const { attempt } = record;
  if (head === undefined) return { attempt, ...(await readForeign(context, job)) };
  const checkpoint = chooseRestore(context, job, head.value);
  const manifest = await readManifest(context, checkpoint);
  assertRestorable(context, job.record.jobId, manifest);
  return { attempt, restore: { checkpoint, manifest, isForeign: false }, pinKey };
}

/** Returns the checkpoint of another job that this one was submitted to go on from, if it was. */
async function readForeign(
  context: CoordinatorContext,
  { record: { restoreFrom } }: JobMemory,
): Promise<Pick<RaisedAttempt, "restore">> {
  if (restoreFrom === undefined) return {};
  const { checkpoint, jobId } = restoreFrom;
  const manifest = await readManifest(context, checkpoint);
  assertRestorable(context, jobId, manifest);
  return { restore: { checkpoint, manifest, isForeign: true } };
}

async function readSnapshot(
  context: CoordinatorContext,
  job: JobMemory,
): Promise<JobMemory["snapshot"]> {
  const { entries } = await context.metadata.list(job.keys.prefix);
  return parseSnapshot(job.keys, entries);
}

interface Predecessor {
  readonly before: JobMemory["snapshot"];
  /** Of the checkpoint of another job that this one goes on from; 0n if there is none. */
  readonly foreignId: bigint;
}

/** Ids go on above those of the other job too, since state names the checkpoints it comes from. */
function nextAttempt(
  context: CoordinatorContext,
  { before, foreignId }: Predecessor,
  place: AttemptPlace,
): AttemptRecord {
  const last = before.attempt?.value;
  const used = maxOf(last?.checkpointFloor ?? 0n, before.head?.value.checkpointId ?? 0n);
  return {
    attempt: nextNumber(context, before),
    nonce: randomId(context.random),
    checkpointFloor: last === undefined ? foreignId : used + idReserve,
    ...place,
    raisedAtMs: context.clock.wallMs(),
  };
}

/** The planted bug takes the epoch of a new leader for difference enough. */
function nextNumber(context: CoordinatorContext, { attempt }: JobMemory["snapshot"]): Attempt {
  const { leaderEpoch } = context.leadership;
  const isReused = context.failpoints.isActive("attempt-reused-by-new-leader");
  if (isReused && attempt !== undefined && attempt.revision < leaderEpoch) {
    return attempt.value.attempt;
  }
  return parseAttempt((attempt?.value.attempt ?? 0) + 1);
}

function chooseRestore(
  context: CoordinatorContext,
  job: JobMemory,
  head: CommittedCheckpoint,
): CommittedCheckpoint {
  if (!context.failpoints.isActive("restore-older-than-head")) return head;
  return job.snapshot.checkpoints.findLast((c) => c.checkpointId < head.checkpointId) ?? head;
}

const readPolicy: RetryPolicy = { initialDelayMs: 100, maxDelayMs: 5_000 };
const corruptReads = 3;

/** Returns the manifest; waits for the store, reads three times before it says `manifest-corrupt`. */
export async function readManifest(
  context: CoordinatorContext,
  checkpoint: CommittedCheckpoint,
): Promise<Manifest> {
  const { objects, digest, retryPorts, signal } = context;
  const { manifestName, manifestSha256, checkpointId } = checkpoint;
  let corruptCount = 0;
  const readOnce = async (): Promise<Manifest> => {
    try {
      const bytes = await objects.get(manifestName, undefined, signal);
      const isTrusted = context.failpoints.isActive("manifest-not-verified");
      if (isTrusted || digest.sha256(bytes) === manifestSha256)
        return parseManifest(manifestName, bytes);
    } catch (caught) {
      if (!StreamError.is(caught, "not-found", "object-corrupt")) throw caught;
    }
    corruptCount += 1;
    throw new StreamError(
      "manifest-corrupt",
      `manifest ${manifestName} of checkpoint ${checkpointId} is missing or its bytes are not those ` +
        "that were written; the job's checkpoints stay; put the object back, or run the job again to begin anew",
      { domain: "external", retry: corruptCount < corruptReads ? "backoff" : "never" },
    );
  };
  return retry(readOnce, readPolicy, retryPorts, signal);
}

/** Refuses state of another cluster, or metadata that was set back behind it (F33). */
export function assertRestorable(
  context: CoordinatorContext,
  jobId: JobId,
  manifest: Manifest,
): void {
  const isOurs = manifest.jobId === jobId && manifest.clusterId === context.clusterId;
  const isOlder = manifest.metadataRevision <= context.metadata.lastRevision();
  if (isOurs && isOlder) return;
  const why = isOurs
    ? `was written at revision ${manifest.metadataRevision} of the metadata, which is now at ` +
      `${context.metadata.lastRevision()}: the metadata store was set back to an older backup`
    : `belongs to job ${manifest.jobId} of cluster ${manifest.clusterId}`;
  throw new StreamError(
    "state-incompatible",
    `checkpoint ${manifest.checkpointId} of job ${jobId} ${why}; submit the job anew`,
    { domain: "external", retry: "never" },
  );
}

function maxOf(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
