import type { CommittedCheckpoint } from "@millrace/checkpoint";
/**
 * One deployed attempt: its placements, its split pools, its checkpoints, who has published what.
 * It hears only messages of its own epochs; the runner has dropped the others.
 *
 * I1 After `cancel` it sends nothing and tells nobody.
 * I2 Assignments and barriers leave in the order in which they were decided (S9).
 */
import {
  assertNever,
  randomId,
  subtaskIdOf,
  toFailureData,
  type AttemptRef,
  type CheckpointId,
  type FailureData,
  type SubtaskId,
  type VertexId,
  type WorkerId,
} from "@millrace/core";
import type { Placement } from "@millrace/graph";
import type { CoordinatorMessage, Deployment, SubtaskMetrics, SubtaskState } from "@millrace/rpc";

import { CheckpointRunner } from "../checkpoint/checkpoint-runner.ts";
import type { CheckpointStats } from "../checkpoint/checkpoint-stats.ts";
import type { RaisedAttempt } from "../checkpoint/recovery.ts";
import type { AttemptMessage, WorkerRegistry } from "../cluster/registry.ts";
import type { CoordinatorContext } from "../context.ts";
import type { JobMemory } from "./job-memory.ts";
import { SourceAlignment } from "./source-alignment.ts";
import { SplitPool, type SplitAnswer } from "./split-pool.ts";

export interface AttemptRunOptions {
  readonly context: CoordinatorContext;
  readonly registry: Pick<WorkerRegistry, "send" | "use">;
  readonly job: JobMemory;
  readonly raised: RaisedAttempt;
  readonly placements: readonly Placement[];
  readonly stats: CheckpointStats;
  readonly handlers: AttemptHandlers;
}

interface AttemptHandlers {
  onSubtaskState(subtaskId: SubtaskId, state: SubtaskState): void;
  onCommitted(checkpoint: CommittedCheckpoint): void;
  onCheckpointFailed(reason: string): void;
  /** By every worker of the attempt. */
  onPublished(checkpointId: CheckpointId): void;
  onFailure(failure: FailureData): void;
}

export type AttemptOwnMessage = Exclude<AttemptMessage, { kind: "log-lines" }>;

export class AttemptRun {
  readonly ref: AttemptRef;
  readonly placements: readonly Placement[];
  readonly workers: readonly WorkerId[];
  readonly checkpoints: CheckpointRunner;
  readonly #options: AttemptRunOptions;
  readonly #pools: ReadonlyMap<VertexId, SplitPool>;
  readonly #published = new Map<WorkerId, CheckpointId>();
  readonly #alignment: SourceAlignment;
  #isOver = false;

  constructor(options: AttemptRunOptions) {
    const { context, job, raised, placements } = options;
    this.#options = options;
    this.placements = placements;
    this.workers = [...new Set(placements.map(({ workerId }) => workerId))].toSorted();
    const { jobId } = job.record;
    const { leaderEpoch } = context.leadership;
    this.ref = { jobId, leaderEpoch, attempt: raised.attempt };
    const sources = sourceVertices(job);
    const cuts = raised.restore?.manifest.splitPools ?? [];
    this.#pools = new Map(
      sources.map((id) => [
        id,
        new SplitPool(
          id,
          cuts.find(({ vertexId }) => vertexId === id),
          context.failpoints,
        ),
      ]),
    );
    const subtaskIds = placements.map(({ subtaskId }) => subtaskId);
    this.#alignment = new SourceAlignment(job.plan, subtaskIds);
    const isSource = new Set(sources);
    const sourceWorkers = placements
      .filter(({ vertexId }) => isSource.has(vertexId))
      .map(({ workerId }) => workerId);
    this.checkpoints = new CheckpointRunner({
      context,
      job,
      ref: this.ref,
      placements,
      sourceWorkers: [...new Set(sourceWorkers)].toSorted(),
      ...(raised.restore === undefined ? {} : { restore: raised.restore }),
      ...(raised.pinKey === undefined ? {} : { pinKey: raised.pinKey }),
      stats: options.stats,
      cutSplitPools: () => [...this.#pools.values()].map((pool) => pool.cut()),
      send: (workerId, message) => this.#send(workerId, message),
      broadcast: (message) => this.#broadcast(message),
      onCommitted: (checkpoint) => options.handlers.onCommitted(checkpoint),
      onFailed: (reason) => options.handlers.onCheckpointFailed(reason),
      onFault: (failure) => options.handlers.onFailure(failure),
    });
  }

  /** Whether the epochs are this attempt's. */
  isOf(ref: AttemptRef): boolean {
    return ref.attempt === this.ref.attempt && ref.leaderEpoch === this.ref.leaderEpoch;
  }

  /** Sends every worker its part; the slots are used up from here. */
  deploy(): void {
    const { registry } = this.#options;
    const deployment = this.#deployment();
    registry.use(this.placements);
    this.#broadcast({ kind: "deploy", deployment });
  }

  /** Every subtask is ready: records flow, checkpoints are triggered. */
  start(): void {
    this.#broadcast({ kind: "start", ref: this.ref });
    this.checkpoints.begin();
  }

  onMetrics(subtasks: readonly SubtaskMetrics[]): void {
    const limits = this.#alignment.onMetrics(subtasks);
    if (limits === undefined) return;
    const reporting = new Set(subtasks.map(({ subtaskId }) => subtaskId));
    const placements = this.placements.filter(({ subtaskId }) => reporting.has(subtaskId));
    for (const workerId of new Set(placements.map((placement) => placement.workerId))) {
      this.#send(workerId, { kind: "align-sources", ref: this.ref, limits });
    }
  }

  stopSources(isDrain: boolean): void {
    this.#broadcast({ kind: "stop-sources", ref: this.ref, isDrain });
  }

  #broadcast(message: CoordinatorMessage): void {
    for (const workerId of this.workers) this.#send(workerId, message);
  }

  /** Tells every worker that the attempt is over; idempotent. */
  cancel(reason: string): void {
    if (this.#isOver) return;
    this.#broadcast({ kind: "cancel-attempt", ref: this.ref, reason });
    this.close();
  }

  /** Is silent from now on; the workers run on. */
  close(): void {
    this.#isOver = true;
    this.checkpoints.end();
  }

  onMessage(workerId: WorkerId, message: AttemptOwnMessage): void {
    if (this.#isOver) return;
    switch (message.kind) {
      case "subtask-state":
        this.#onSubtaskState(workerId, message.subtaskId, message.state);
        return;
      case "discovered-splits":
        this.#onDiscovered(message);
        return;
      case "request-split": {
        const { vertexId, subtaskIndex, requestNumber } = message;
        const answer = this.#pools.get(vertexId)?.request({ subtaskIndex, requestNumber });
        if (answer !== undefined) this.#assign(vertexId, answer);
        return;
      }
      case "ack":
        this.checkpoints.onAck(workerId, message.checkpointId, message.cut);
        return;
      case "decline":
        this.checkpoints.onDecline(workerId, message.checkpointId, message.failure);
        return;
      case "published":
        this.#onPublished(workerId, message.checkpointId);
        return;
      default:
        assertNever(message);
    }
  }

  #onSubtaskState(workerId: WorkerId, subtaskId: SubtaskId, state: SubtaskState): void {
    const placement = this.placements.find((p) => p.subtaskId === subtaskId);
    if (placement?.workerId !== workerId) return;
    this.#options.handlers.onSubtaskState(subtaskId, state);
  }

  #onDiscovered(message: Extract<AttemptMessage, { kind: "discovered-splits" }>): void {
    try {
      const answers =
        this.#pools.get(message.vertexId)?.discover(message.splits, message.hasMore) ?? [];
      for (const answer of answers) this.#assign(message.vertexId, answer);
    } catch (caught) {
      this.#options.handlers.onFailure(toFailureData(caught));
    }
  }

  #assign(vertexId: VertexId, answer: SplitAnswer): void {
    const subtaskId = subtaskIdOf(vertexId, answer.subtaskIndex);
    const placement = this.placements.find((p) => p.subtaskId === subtaskId);
    if (placement === undefined) return;
    this.#send(placement.workerId, { kind: "assign-split", ref: this.ref, vertexId, ...answer });
    if (answer.split === undefined) return;
    const { jobId, attempt } = this.ref;
    const splitId = answer.split.id;
    this.#options.context.observe({ kind: "split-assigned", jobId, attempt, subtaskId, splitId });
  }

  #onPublished(workerId: WorkerId, checkpointId: CheckpointId): void {
    const before = this.#published.get(workerId);
    if (before !== undefined && before >= checkpointId) return;
    this.#published.set(workerId, checkpointId);
    const all = this.workers.map((id) => this.#published.get(id));
    if (all.some((id) => id === undefined || id < checkpointId)) return;
    this.#options.handlers.onPublished(checkpointId);
  }

  #send(workerId: WorkerId, message: CoordinatorMessage): void {
    if (!this.#isOver) this.#options.registry.send(workerId, message);
  }

  #deployment(): Deployment {
    const { context, job, raised } = this.#options;
    const { bundleSha256, planSha256, planJson, params, environment } = job.record;
    const { restore } = raised;
    return {
      ref: this.ref,
      bundleSha256,
      planSha256,
      planJson,
      params,
      environment,
      channelToken: randomId(context.random) + randomId(context.random),
      placements: this.placements.map(({ subtaskId, workerId, slotIndex, dataAddress }) => ({
        subtaskId,
        workerId,
        slotIndex,
        dataAddress,
      })),
      ...(restore === undefined
        ? {}
        : {
            restore: {
              checkpointId: restore.checkpoint.checkpointId,
              manifest: {
                name: restore.checkpoint.manifestName,
                sha256: restore.checkpoint.manifestSha256,
              },
            },
          }),
    };
  }
}

/** Returns the vertices that begin with a source. */
export function sourceVertices(job: JobMemory): readonly VertexId[] {
  return job.plan.vertices
    .filter(({ operators }) => operators[0]?.kind === "source")
    .map(({ id }) => id);
}
