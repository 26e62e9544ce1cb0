/**
 * The checkpoints of one attempt: asks the trigger policy, injects barriers, collects acks, commits
 * or aborts.
 *
 * I1 At most one checkpoint is in flight; while its commit is undetermined it stays so (S3).
 * I2 Ids grow strictly, over attempts too: they stay within `idReserve` of the floor that the
 *    attempt's record holds, which is raised by a transaction when they are used up (S10).
 * I3 The split pools are cut in the same step as the barrier is injected (S9).
 * I4 The base is the head, and only because this attempt restored it or took it itself. What was
 *    restored of another job is no base, so that no job references objects of another one.
 * I5 After `end` nothing is sent and nobody is told; a commit under way is still brought to its end.
 */
import {
  abortPending,
  acknowledge,
  createPendingCheckpoint,
  decideTrigger,
  missingSubtasks,
  type CheckpointKind,
  type CommittedCheckpoint,
  type Manifest,
  type PendingCheckpoint,
  type SplitPoolCut,
  type TriggerFacts,
  type WorkerCut,
} from "@millrace/checkpoint";
import {
  parseCheckpointId,
  randomId,
  toFailureData,
  type AttemptRef,
  type Barrier,
  type CheckpointId,
  type FailureData,
  type WorkerId,
} from "@millrace/core";
import type { Placement } from "@millrace/graph";
import type { CoordinatorMessage } from "@millrace/rpc";

import type { CoordinatorContext } from "../context.ts";
import type { JobMemory } from "../job/job-memory.ts";
import { encodeRecord, idReserve } from "../metadata/job-records.ts";
import { countCompleted, countFailed, type CheckpointStats } from "./checkpoint-stats.ts";
import { commitCheckpoint, type CommitOutcome } from "./committer.ts";
import type { RestoredCheckpoint } from "./recovery.ts";
import { dropSurplusCheckpoints } from "./retention-step.ts";

export interface CheckpointRunnerOptions {
  readonly context: CoordinatorContext;
  readonly job: JobMemory;
  readonly ref: AttemptRef;
  readonly placements: readonly Placement[];
  /** Workers with source subtasks. */
  readonly sourceWorkers: readonly WorkerId[];
  readonly restore?: RestoredCheckpoint;
  readonly pinKey?: string;
  readonly stats: CheckpointStats;
  readonly cutSplitPools: () => readonly SplitPoolCut[];
  readonly send: (workerId: WorkerId, message: CoordinatorMessage) => void;
  readonly broadcast: (message: CoordinatorMessage) => void;
  readonly onCommitted: (checkpoint: CommittedCheckpoint) => void;
  readonly onFailed: (reason: string) => void;
  /** Something that must not be: the attempt ends. */
  readonly onFault: (failure: FailureData) => void;
}

interface InFlight {
  pending: PendingCheckpoint;
  readonly startedAtMs: number;
  readonly timeout: Disposable;
}

export class CheckpointRunner {
  readonly #options: CheckpointRunnerOptions;
  readonly #keyedOperators: readonly string[];
  /** The head's manifest: what deltas build on. */
  #headManifest: Manifest | undefined;
  #pinKey: string | undefined;
  #nextId: bigint;
  #inFlight: InFlight | undefined;
  #isRaisingFloor = false;
  #requested: CheckpointKind | undefined;
  #isSuspended = true;
  #isOver = false;
  #lastTriggeredAtMs = 0;
  #lastEndedAtMs: number | undefined;
  #timer: Disposable | undefined;

  constructor(options: CheckpointRunnerOptions) {
    this.#options = options;
    const { restore } = options;
    this.#headManifest = restore?.isForeign === true ? undefined : restore?.manifest;
    this.#pinKey = options.pinKey;
    this.#nextId = this.#usedId() + 1n;
    this.#keyedOperators = options.job.plan.vertices.flatMap(({ operators }) =>
      operators.filter((o) => o.isKeyed && o.hasState).map(({ name }) => name),
    );
  }

  /** The attempt runs from now on. */
  begin(): void {
    this.#isSuspended = false;
    this.#lastTriggeredAtMs = this.#nowMs();
    this.#decide();
  }

  /** Asks for a checkpoint of the kind as soon as none is in flight, until one has committed. */
  request(kind: CheckpointKind): void {
    this.#requested = kind;
    this.#decide();
  }

  /** Triggers nothing more. */
  suspend(): void {
    this.#isSuspended = true;
    this.#decide();
  }

  end(): void {
    this.#isOver = true;
    this.#timer?.[Symbol.dispose]();
    this.#inFlight?.timeout[Symbol.dispose]();
  }

  onAck(workerId: WorkerId, checkpointId: CheckpointId, cut: WorkerCut): void {
    const inFlight = this.#inFlight;
    if (this.#isOver || inFlight?.pending.checkpointId !== checkpointId) return;
    const { result, pending } = acknowledge(inFlight.pending, workerId, cut);
    inFlight.pending = pending;
    if (result === "unknown") {
      this.#abort(`worker ${workerId} acknowledged other subtasks than it runs`);
    }
    if (result !== "complete") return;
    inFlight.timeout[Symbol.dispose]();
    // The outcome is dealt with inside; what goes wrong there ends the attempt.
    void this.#commit(inFlight).catch((caught: unknown) => this.#fault(caught));
  }

  onDecline(workerId: WorkerId, checkpointId: CheckpointId, failure: FailureData): void {
    if (this.#isOver || this.#inFlight?.pending.checkpointId !== checkpointId) return;
    this.#abort(`worker ${workerId} declined: ${failure.code}: ${failure.message}`);
  }

  #decide(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    if (this.#isOver) return;
    const { checkpoint } = this.#options.job.plan.settings;
    const decision = decideTrigger(this.#facts(), checkpoint, this.#nowMs());
    if (decision.kind === "trigger") {
      this.#trigger(decision.checkpointKind);
    } else if (decision.kind === "wait") {
      const delayMs = decision.untilMs - this.#nowMs();
      this.#timer = this.#options.context.clock.schedule(delayMs, () => this.#decide());
    }
  }

  #facts(): TriggerFacts {
    return {
      isInFlight: this.#inFlight !== undefined || this.#isRaisingFloor,
      lastTriggeredAtMs: this.#lastTriggeredAtMs,
      ...(this.#lastEndedAtMs === undefined ? {} : { lastEndedAtMs: this.#lastEndedAtMs }),
      ...(this.#requested === undefined ? {} : { requested: this.#requested }),
      isSuspended: this.#isSuspended,
    };
  }

  #trigger(kind: CheckpointKind): void {
    if (this.#nextId > this.#usedId() + idReserve) {
      // What goes wrong there ends the attempt.
      void this.#raiseFloor().catch((caught: unknown) => this.#fault(caught));
      return;
    }
    const { context, ref, placements, job } = this.#options;
    const checkpointId = parseCheckpointId(this.#nextId);
    this.#nextId += 1n;
    this.#lastTriggeredAtMs = this.#nowMs();
    const base = kind === "savepoint" ? undefined : this.#headManifest?.checkpointId;
    const pending = createPendingCheckpoint({
      checkpointId,
      kind,
      ...(base === undefined ? {} : { base }),
      triggeredAtMs: context.clock.wallMs(),
      splitPools: this.#options.cutSplitPools(),
      expected: new Map(placements.map(({ subtaskId, workerId }) => [subtaskId, workerId])),
    });
    const { timeoutMs } = job.plan.settings.checkpoint;
    const timeout = context.clock.schedule(timeoutMs, () => this.#onTimeout(checkpointId));
    this.#inFlight = { pending, startedAtMs: this.#nowMs(), timeout };
    const barrier: Barrier =
      base === undefined ? { checkpointId, mode: "full" } : { checkpointId, base, mode: "delta" };
    for (const workerId of this.#options.sourceWorkers) {
      this.#options.send(workerId, { kind: "inject-barrier", ref, barrier });
    }
    const { jobId, attempt } = ref;
    context.observe({ kind: "checkpoint-triggered", jobId, attempt, checkpointId });
  }

  #onTimeout(checkpointId: CheckpointId): void {
    const inFlight = this.#inFlight;
    if (inFlight?.pending.checkpointId !== checkpointId) return;
    const { timeoutMs } = this.#options.job.plan.settings.checkpoint;
    const missing = missingSubtasks(inFlight.pending);
    const shown = missing.slice(0, 5).join(", ") + (missing.length > 5 ? ", ..." : "");
    this.#abort(`not complete after ${timeoutMs} ms: no answer from ${shown}`);
  }

  #abort(reason: string): void {
    const inFlight = this.#inFlight;
    if (inFlight === undefined) return;
    inFlight.pending = abortPending(inFlight.pending);
    if (inFlight.pending.phase !== "aborted") return;
    inFlight.timeout[Symbol.dispose]();
    this.#failed(inFlight, reason);
  }

  #failed(inFlight: InFlight, reason: string): void {
    const { context, ref, stats } = this.#options;
    const { checkpointId } = inFlight.pending;
    countFailed(stats, `checkpoint ${checkpointId}: ${reason}`);
    context.observe({ kind: "checkpoint-failed", jobId: ref.jobId, checkpointId, reason });
    if (this.#isOver) return;
    this.#options.broadcast({ kind: "checkpoint-aborted", ref, checkpointId, reason });
    this.#options.onFailed(`checkpoint ${checkpointId} failed: ${reason}`);
    this.#settle();
  }

  async #commit(inFlight: InFlight): Promise<void> {
    const { context, job, ref, placements } = this.#options;
    const { pending, startedAtMs } = inFlight;
    const outcome = await commitCheckpoint(context, {
      job,
      ref,
      pending,
      startedAtMs,
      ...(this.#headManifest === undefined ? {} : { previous: this.#headManifest }),
      subtaskIds: placements.map(({ subtaskId }) => subtaskId),
      keyedOperators: this.#keyedOperators,
      ...(this.#pinKey === undefined ? {} : { pinKey: this.#pinKey }),
    });
    this.#onOutcome(inFlight, outcome);
    if (outcome.kind === "committed") await this.#retain();
  }

  #onOutcome(inFlight: InFlight, outcome: CommitOutcome): void {
    if (outcome.kind === "superseded") {
      this.#onSuperseded(inFlight.pending.checkpointId);
      return;
    }
    if (outcome.kind === "failed") {
      this.#failed(inFlight, `${outcome.error.code}: ${outcome.error.message}`);
      return;
    }
    const { context, ref, stats } = this.#options;
    const { checkpoint, manifest } = outcome;
    this.#headManifest = manifest;
    this.#pinKey = undefined;
    countCompleted(stats, checkpoint);
    context.observe({ kind: "checkpoint-committed", jobId: ref.jobId, manifest });
    if (this.#isOver) return;
    if (this.#requested === checkpoint.kind) this.#requested = undefined;
    const { checkpointId } = checkpoint;
    this.#options.broadcast({ kind: "checkpoint-completed", ref, checkpointId });
    this.#options.onCommitted(checkpoint);
    this.#settle();
  }

  /** Nobody but this leader changes attempt and head: if they differ, begin from what is there. */
  #onSuperseded(checkpointId: CheckpointId): void {
    if (this.#isOver) return;
    this.#options.onFault({
      code: "stale",
      domain: "internal",
      message: `checkpoint ${checkpointId} was refused: attempt or head are not what they were`,
    });
  }

  #settle(): void {
    this.#inFlight = undefined;
    this.#lastEndedAtMs = this.#nowMs();
    this.#decide();
  }

  async #retain(): Promise<void> {
    const { context, job, ref } = this.#options;
    try {
      await dropSurplusCheckpoints(context, job);
    } catch (caught) {
      const { code, message } = toFailureData(caught);
      const fields = { jobId: ref.jobId, code, cause: message };
      context.logger.log("warn", "old checkpoints stay for now", fields);
    }
  }

  /** Makes room for more ids: none of those triggered since the head has committed. */
  async #raiseFloor(): Promise<void> {
    const { context, job, ref } = this.#options;
    const before = job.snapshot.attempt;
    if (before?.value.attempt !== ref.attempt) return;
    this.#isRaisingFloor = true;
    const record = {
      ...before.value,
      nonce: randomId(context.random),
      checkpointFloor: this.#nextId - 1n,
    };
    const value = encodeRecord(record);
    const result = await context.metadata.transact({
      compares: [{ key: job.keys.attempt, target: "modRevision", equals: before.revision }],
      writes: [{ kind: "put", key: job.keys.attempt, value }],
      marker: { key: job.keys.attempt, value },
    });
    this.#isRaisingFloor = false;
    if (result.kind === "refused") {
      await context.leadership.check();
      return;
    }
    job.snapshot = { ...job.snapshot, attempt: { value: record, revision: result.revision } };
    this.#decide();
  }

  /** No id up to this one may be triggered any more, unless by this runner. */
  #usedId(): bigint {
    const { attempt, head } = this.#options.job.snapshot;
    const floor = attempt?.value.checkpointFloor ?? 0n;
    const headId = head?.value.checkpointId ?? 0n;
    return floor > headId ? floor : headId;
  }

  #fault(caught: unknown): void {
    const { context } = this.#options;
    if (this.#isOver || context.signal.aborted) return;
    this.#options.onFault(toFailureData(caught));
  }

  #nowMs(): number {
    return this.#options.context.clock.monotonicMs();
  }
}
