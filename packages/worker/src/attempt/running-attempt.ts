import {
  assertNever,
  StreamError,
  subtaskIdOf,
  toFailureData,
  type AttemptRef,
  type SubtaskId,
} from "@millrace/core";
import type { Deployment, SlotOffer, SubtaskMetrics, WorkerMessage } from "@millrace/rpc";

import { SnapshotCollector } from "../checkpoint/snapshot-collector.ts";
import { restoreSubtasks, type RestoredSubtask } from "../restore/restorer.ts";
import { AckOutbox } from "../session/ack-outbox.ts";
import type { AttemptMessage } from "../session/leader-session.ts";
import type { SlotCommand, SlotEvent, SlotPreparation } from "../slot/slot-messages.ts";
import type { SlotLease, SlotPool } from "../slots/slot-pool.ts";
import type { WorkerConfig } from "../worker-config.ts";
import type { WorkerCounters } from "../worker-counters.ts";
import type { WorkerPorts } from "../worker-ports.ts";
import { fetchBundle } from "./fetch-bundle.ts";
import { LogGate } from "./log-gate.ts";
import { ownSlotsOf, type OwnSlot } from "./own-slots.ts";
import { PublishedTracker } from "./published-tracker.ts";

export interface RunningAttemptOptions {
  readonly deployment: Deployment;
  readonly ports: WorkerPorts;
  readonly config: WorkerConfig;
  readonly counters: WorkerCounters;
  readonly pool: SlotPool;
  /** Sends over the session of the moment; what finds none is lost. */
  readonly send: (message: WorkerMessage) => void;
}

/** Commands that came while the state was still being fetched. */
const maxHeldCommands = 1_024;

/**
 * This worker's part of one attempt: claims its slots, fetches bundle and state, prepares the slots,
 * and then passes messages between coordinator and slots.
 *
 * I1 A slot hears `prepare` first, with verified and complete state, or nothing at all.
 * I2 Commands reach the slots in the order in which they came, those before `prepare` included (S9).
 * I3 After `cancel` nothing of the attempt is sent any more, in either direction.
 * I4 A failure of this worker's part is reported once.
 * I5 A start or barrier that comes twice reaches the slots once (F9).
 */
export class RunningAttempt {
  readonly ref: AttemptRef;
  readonly #options: RunningAttemptOptions;
  readonly #slots: readonly OwnSlot[];
  readonly #subtasks: readonly SubtaskId[];
  readonly #leases = new Map<number, SlotLease>();
  #claimedCount = 0;
  readonly #slotBySubtask = new Map<SubtaskId, number>();
  readonly #collector: SnapshotCollector;
  readonly #outbox = new AckOutbox();
  readonly #published: PublishedTracker;
  readonly #logGate: LogGate;
  readonly #metrics = new Map<SubtaskId, SubtaskMetrics>();
  readonly #abort = new AbortController();
  #heldCommands: { slotIndex: number; command: SlotCommand }[] | undefined = [];
  #isStarted = false;
  #lastBarrierId = 0n;
  #hasFailed = false;
  #isOver = false;

  constructor(options: RunningAttemptOptions) {
    const { deployment, ports, config, counters } = options;
    this.ref = deployment.ref;
    this.#options = options;
    this.#slots = ownSlotsOf(deployment, config.workerId);
    for (const { offer, subtasks } of this.#slots) {
      for (const subtaskId of subtasks) this.#slotBySubtask.set(subtaskId, offer.slotIndex);
    }
    this.#subtasks = deployment.placements.flatMap(({ subtaskId, workerId }) =>
      workerId === config.workerId ? [subtaskId] : [],
    );
    this.#published = new PublishedTracker(this.#subtasks);
    this.#logGate = new LogGate(config.logLinesPerInterval);
    this.#collector = new SnapshotCollector({
      ...ports,
      config,
      counters,
      ref: this.ref,
      subtasks: this.#subtasks,
      onAck: (ack) => {
        this.#outbox.add(ack);
        this.#send(ack);
      },
      onDecline: (decline) => this.#send(decline),
    });
  }

  start(): void {
    for (const slot of this.#slots) {
      if (!this.#claim(slot)) return;
      this.#claimedCount += 1;
    }
    this.#prepare().catch((caught: unknown) => this.#fail(caught, this.#subtasks[0]));
  }

  onMessage(message: Exclude<AttemptMessage, { kind: "deploy" | "cancel-attempt" }>): void {
    switch (message.kind) {
      case "start":
        if (!this.#isStarted) this.#postAll({ kind: "start" });
        this.#isStarted = true;
        return;
      case "assign-split": {
        const { ref: _ref, ...command } = message;
        this.#postTo(subtaskIdOf(command.vertexId, command.subtaskIndex), command);
        return;
      }
      case "inject-barrier":
        if (message.barrier.checkpointId <= this.#lastBarrierId) return;
        this.#lastBarrierId = message.barrier.checkpointId;
        this.#postAll({ kind: "inject-barrier", barrier: message.barrier });
        return;
      case "checkpoint-completed":
        this.#outbox.onCompleted(message.checkpointId);
        this.#collector.onCompleted(message.checkpointId);
        this.#postAll({ kind: "checkpoint-completed", checkpointId: message.checkpointId });
        return;
      case "checkpoint-aborted":
        this.#outbox.onAborted(message.checkpointId);
        this.#collector.onAborted(message.checkpointId);
        this.#postAll({ kind: "checkpoint-aborted", checkpointId: message.checkpointId });
        return;
      case "align-sources":
        this.#postAll({ kind: "align-sources", limits: message.limits });
        return;
      case "stop-sources":
        this.#postAll({ kind: "stop-sources", isDrain: message.isDrain });
        return;
      default:
        assertNever(message);
    }
  }

  /** A coordinator has taken the worker in again: tells it what it may have missed (F2). */
  onWelcome(): void {
    for (const ack of this.#outbox.pending()) this.#send(ack);
    const checkpointId = this.#published.reported();
    if (checkpointId === undefined) return;
    this.#send({ kind: "published", ref: this.ref, checkpointId });
  }

  /** Ends the attempt here: its fetches, its uploads, its slots. Idempotent. */
  cancel(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { ports } = this.#options;
    const { jobId, attempt } = this.ref;
    ports.logger.log("info", "attempt ended here", { jobId, attempt, reason });
    this.#abort.abort(
      new StreamError("cancelled", `attempt ${attempt} of job ${jobId} was cancelled: ${reason}`, {
        domain: "internal",
        retry: "never",
      }),
    );
    this.#collector.close();
    for (const lease of this.#leases.values()) lease.release();
    this.#leases.clear();
  }

  /** The slots that it was given and never took, because another one was not ready. */
  unclaimed(): readonly SlotOffer[] {
    return this.#slots.slice(this.#claimedCount).map(({ offer }) => offer);
  }

  /** The newest metrics of the subtasks; also begins the next interval of log lines. */
  takeHeartbeat(): readonly SubtaskMetrics[] {
    const dropped = this.#logGate.renew();
    if (dropped > 0) {
      const text = `${dropped} log lines were dropped: more than ${this.#options.config.logLinesPerInterval} in one heartbeat interval`;
      const atMs = this.#options.ports.clock.wallMs();
      this.#send({
        kind: "log-lines",
        ref: this.ref,
        lines: [{ atMs, level: "warn", source: "", text }],
      });
    }
    return this.metrics();
  }

  metrics(): readonly SubtaskMetrics[] {
    return [...this.#metrics.values()];
  }

  #claim({ offer, subtasks }: OwnSlot): boolean {
    const { jobId, attempt } = this.ref;
    const lease = this.#options.pool.claim(offer, {
      work: `subtasks ${subtasks.join(", ")} of job ${jobId}, attempt ${attempt}`,
      subtasks,
      onEvent: (event) => this.#onEvent(event),
      onFailed: (error) => {
        this.#leases.delete(offer.slotIndex);
        this.#fail(error, subtasks[0]);
      },
    });
    if (lease !== undefined) {
      this.#leases.set(offer.slotIndex, lease);
      return true;
    }
    const error = new StreamError(
      "unavailable",
      `slot ${offer.slotIndex} of worker ${this.#options.config.workerId} is not ready at ${offer.dataAddress}`,
      { domain: "internal", retry: "backoff" },
    );
    this.#fail(error, subtasks[0]);
    return false;
  }

  async #prepare(): Promise<void> {
    const { deployment, ports, config, counters } = this.#options;
    const all = { ...ports, config, counters };
    const { signal } = this.#abort;
    const bundleUrl = await fetchBundle(deployment, all, signal);
    const request = { deployment, subtasks: this.#subtasks };
    const restored = await restoreSubtasks(request, all, signal);
    if (this.#isOver) return;
    for (const { offer, subtasks } of this.#slots) {
      const preparation = preparationOf({ deployment, bundleUrl, subtasks, restored });
      this.#leases.get(offer.slotIndex)?.post({ kind: "prepare", preparation });
    }
    const held = this.#heldCommands ?? [];
    this.#heldCommands = undefined;
    for (const { slotIndex, command } of held) this.#leases.get(slotIndex)?.post(command);
  }

  #postAll(command: SlotCommand): void {
    for (const { offer } of this.#slots) this.#post(offer.slotIndex, command);
  }

  #postTo(subtaskId: SubtaskId, command: SlotCommand): void {
    const slotIndex = this.#slotBySubtask.get(subtaskId);
    if (slotIndex !== undefined) {
      this.#post(slotIndex, command);
      return;
    }
    const { logger } = this.#options.ports;
    logger.log("error", "a message for a subtask that does not run here", {
      subtaskId,
      message: command.kind,
    });
  }

  #post(slotIndex: number, command: SlotCommand): void {
    if (this.#heldCommands === undefined) {
      this.#leases.get(slotIndex)?.post(command);
    } else if (this.#heldCommands.length < maxHeldCommands) {
      this.#heldCommands.push({ slotIndex, command });
    } else {
      const error = new StreamError(
        "output-limit",
        `more than ${maxHeldCommands} messages came for slots that are not prepared yet`,
        { domain: "internal", retry: "never" },
      );
      this.#fail(error, this.#subtasks[0]);
    }
  }

  #onEvent(event: SlotEvent): void {
    if (this.#isOver) return;
    switch (event.kind) {
      // The pool's.
      case "listening":
      case "holds-outside":
      case "let-go":
        return;
      case "subtask-state":
      case "discovered-splits":
      case "request-split":
        this.#send({ ...event, ref: this.ref });
        return;
      case "snapshot-block":
        this.#collector.onBlock(event);
        return;
      case "snapshot-done":
        this.#collector.onDone(event);
        return;
      case "snapshot-failed":
        this.#collector.onFailed(event);
        return;
      case "published": {
        const checkpointId = this.#published.onPublished(event.subtaskId, event.checkpointId);
        if (checkpointId !== undefined) {
          this.#send({ kind: "published", ref: this.ref, checkpointId });
        }
        return;
      }
      case "log-lines": {
        const lines = this.#logGate.pass(event.lines);
        this.#options.counters.logLinesDropped += event.lines.length - lines.length;
        if (lines.length > 0) this.#send({ kind: "log-lines", ref: this.ref, lines });
        return;
      }
      case "metrics":
        for (const metrics of event.subtasks) this.#metrics.set(metrics.subtaskId, metrics);
        return;
      default:
        assertNever(event);
    }
  }

  #fail(caught: unknown, subtaskId: SubtaskId | undefined): void {
    if (this.#isOver || this.#hasFailed || subtaskId === undefined) return;
    this.#hasFailed = true;
    const failure = toFailureData(caught);
    const { jobId, attempt } = this.ref;
    this.#options.ports.logger.log("error", "attempt failed here", {
      jobId,
      attempt,
      subtaskId,
      code: failure.code,
      cause: failure.message,
    });
    const state = { kind: "failed", failure } as const;
    this.#send({ kind: "subtask-state", ref: this.ref, subtaskId, state });
  }

  #send(message: WorkerMessage): void {
    if (!this.#isOver) this.#options.send(message);
  }
}

function preparationOf(parts: {
  readonly deployment: Deployment;
  readonly bundleUrl: string;
  readonly subtasks: readonly SubtaskId[];
  readonly restored: ReadonlyMap<SubtaskId, RestoredSubtask>;
}): SlotPreparation {
  const { bundleSha256: _fetched, restore, ...shared } = parts.deployment;
  const base = { ...shared, bundleUrl: parts.bundleUrl, ownSubtasks: parts.subtasks };
  if (restore === undefined) return base;
  const subtasks = parts.subtasks.flatMap((subtaskId) => parts.restored.get(subtaskId) ?? []);
  return { ...base, restore: { checkpointId: restore.checkpointId, subtasks } };
}
