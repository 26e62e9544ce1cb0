/**
 * Commits one completed checkpoint: the manifest object, then the fenced transaction that moves the
 * head. That transaction is the commit point.
 *
 * I1 It succeeds only for the leader, its current attempt, and the head that it builds on (S1).
 * I2 While its outcome is unknown nothing is deleted and no other checkpoint is triggered (S3).
 * I3 The manifest's name is new, so that a repeated or ambiguous put is harmless (F11).
 */
import {
  commitTransaction,
  composeManifest,
  encodeManifest,
  manifestName,
  orderedCuts,
  type CommittedCheckpoint,
  type ComposeFacts,
  type Manifest,
  type ManifestSegment,
  type PendingCheckpoint,
} from "@millrace/checkpoint";
import {
  assert,
  randomId,
  retry,
  StreamError,
  type AttemptRef,
  type RetryPolicy,
  type SubtaskId,
} from "@millrace/core";

import type { CoordinatorContext } from "../context.ts";
import type { JobMemory } from "../job/job-memory.ts";
import type { FencedResult, FencedTransaction } from "../metadata/fenced-metadata.ts";

export interface CommitRequest {
  readonly job: JobMemory;
  readonly ref: AttemptRef;
  readonly pending: PendingCheckpoint;
  /** The manifest of the head, if there is one. */
  readonly previous?: Manifest;
  readonly subtaskIds: readonly SubtaskId[];
  readonly keyedOperators: readonly string[];
  /** Of the monotonic clock. */
  readonly startedAtMs: number;
  readonly pinKey?: string;
}

export type CommitOutcome =
  | {
      readonly kind: "committed";
      readonly checkpoint: CommittedCheckpoint;
      readonly manifest: Manifest;
    }
  /** The attempt is over: what it had is no longer wanted. */
  | { readonly kind: "superseded" }
  /** Certainly not committed; the job goes on. */
  | { readonly kind: "failed"; readonly error: StreamError };

type UncommittedOutcome = Exclude<CommitOutcome, { kind: "committed" }>;

const putPolicy: RetryPolicy = { maxTries: 8, initialDelayMs: 100, maxDelayMs: 5_000 };

/** Returns what became of the checkpoint, however long the stores take. */
export async function commitCheckpoint(
  context: CoordinatorContext,
  request: CommitRequest,
): Promise<CommitOutcome> {
  const { job, ref, pending, previous } = request;
  const nonce = randomId(context.random);
  const manifest = composeManifest(composeFacts(context, request), previous, orderedCuts(pending));
  const owner = { jobId: ref.jobId, attempt: ref.attempt, checkpointId: pending.checkpointId };
  const name = manifestName(owner, nonce);
  const bytes = encodeManifest(manifest);
  const { objects, retryPorts, signal } = context;
  const stored = retry(() => objects.put(name, [bytes], signal), putPolicy, retryPorts, signal);
  try {
    if (context.failpoints.isActive("commit-before-manifest")) stored.catch(() => {});
    else await stored;
  } catch (caught) {
    signal.throwIfAborted();
    return { kind: "failed", error: StreamError.from(caught) };
  }
  const own = manifest.segments.filter((s) => s.ownerCheckpointId === pending.checkpointId);
  const checkpoint: CommittedCheckpoint = {
    checkpointId: pending.checkpointId,
    kind: pending.kind,
    ...(manifest.parent === undefined ? {} : { parentId: manifest.parent }),
    attempt: ref.attempt,
    nonce,
    manifestName: name,
    manifestSha256: context.digest.sha256(bytes),
    completedAtMs: manifest.completedAtMs,
    durationMs: Math.round(context.clock.monotonicMs() - request.startedAtMs),
    newBytes: sum(own),
    totalBytes: sum(manifest.segments),
  };
  const newObjects = [name, ...own.map((segment) => segment.name)];
  const outcome = await moveHead(context, job, { checkpoint, pinKey: request.pinKey, newObjects });
  return outcome === "committed" ? { kind: "committed", checkpoint, manifest } : outcome;
}

interface HeadMove {
  readonly checkpoint: CommittedCheckpoint;
  readonly pinKey: string | undefined;
  /** Objects that only this checkpoint references. */
  readonly newObjects: readonly string[];
}

async function moveHead(
  context: CoordinatorContext,
  job: JobMemory,
  move: HeadMove,
): Promise<"committed" | UncommittedOutcome> {
  const { checkpoint, pinKey } = move;
  const { attempt, head } = job.snapshot;
  assert(attempt !== undefined, "a commit belongs to an attempt");
  // After its end nothing moves the head of a job.
  if (job.snapshot.result !== undefined) return { kind: "superseded" };
  if (attempt.value.attempt !== checkpoint.attempt) {
    if (!context.failpoints.isActive("no-attempt-check")) return { kind: "superseded" };
  }
  const { compares, writes } = commitTransaction({
    checkpoint,
    fence: context.metadata.fence,
    attemptKey: job.keys.attempt,
    attemptRevision: attempt.revision,
    headKey: job.keys.head,
    headRevision: head?.revision ?? 0n,
    checkpointKey: job.keys.checkpoint(checkpoint.checkpointId),
    ...(pinKey === undefined ? {} : { pinKey }),
  });
  const marker = writes.find(({ key }) => key === job.keys.head);
  assert(marker?.kind === "put", "a commit puts the head");
  const result = await transactCommit(context, job, { compares, writes, marker });
  if (result === "failed") return takeForFailed(context, move.newObjects);
  if (result.kind === "applied") {
    job.snapshot = committedSnapshot(job, checkpoint, { revision: result.revision, pinKey });
    return "committed";
  }
  await context.leadership.check();
  return { kind: "superseded" };
}

/** Returns the result, or that the planted bug takes an unknown outcome for a failure. */
async function transactCommit(
  context: CoordinatorContext,
  job: JobMemory,
  transaction: FencedTransaction,
): Promise<FencedResult | "failed"> {
  const { failpoints, metadata } = context;
  if (failpoints.isActive("unknown-taken-for-failed")) {
    try {
      await metadata.transactOnce(transaction);
      // Applied or refused: the marker tells which.
      return await metadata.transact(transaction);
    } catch {
      return "failed";
    }
  }
  if (failpoints.isActive("commit-without-fence")) {
    return metadata.transact({ ...transaction, compares: [], isUnfenced: true });
  }
  if (failpoints.isActive("no-attempt-check")) {
    const compares = transaction.compares.filter(({ key }) => key !== job.keys.attempt);
    return metadata.transact({ ...transaction, compares });
  }
  return metadata.transact(transaction);
}

/** What the planted bug does with a commit whose outcome it does not know (FLINK-22494). */
async function takeForFailed(
  context: CoordinatorContext,
  objects: readonly string[],
): Promise<UncommittedOutcome> {
  await context.objects.remove(objects);
  const message = "the commit's outcome is unknown";
  const error = new StreamError("unknown-outcome", message, { domain: "external", retry: "never" });
  return { kind: "failed", error };
}

function committedSnapshot(
  job: JobMemory,
  checkpoint: CommittedCheckpoint,
  commit: { readonly revision: bigint; readonly pinKey: string | undefined },
): JobMemory["snapshot"] {
  const { snapshot } = job;
  const isUnpinned = commit.pinKey !== undefined;
  return {
    ...snapshot,
    head: { value: checkpoint, revision: commit.revision },
    checkpoints: [...snapshot.checkpoints, checkpoint],
    ...(isUnpinned ? { pinKeys: [], pins: [] } : {}),
  };
}

function composeFacts(context: CoordinatorContext, request: CommitRequest): ComposeFacts {
  const { job, ref, pending } = request;
  return {
    clusterId: context.clusterId,
    jobId: ref.jobId,
    checkpointId: pending.checkpointId,
    kind: pending.kind,
    leaderEpoch: ref.leaderEpoch,
    attempt: ref.attempt,
    metadataRevision: context.metadata.lastRevision(),
    ...(pending.base === undefined ? {} : { base: pending.base }),
    planSha256: job.record.planSha256,
    bundleSha256: job.record.bundleSha256,
    maxParallelism: job.plan.settings.maxParallelism,
    triggeredAtMs: pending.triggeredAtMs,
    completedAtMs: context.clock.wallMs(),
    keyedOperators: request.keyedOperators,
    subtaskIds: request.subtaskIds,
    splitPools: pending.splitPools,
  };
}

function sum(segments: readonly ManifestSegment[]): number {
  return segments.reduce((total, { lengthBytes }) => total + lengthBytes, 0);
}
