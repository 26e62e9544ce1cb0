import {
  assert,
  randomId,
  type AttemptRef,
  type JobId,
  type LeaderEpoch,
  type StreamError,
} from "@millrace/core";
import {
  protocolVersion,
  type Deployment,
  type SlotOffer,
  type WorkerMessage,
} from "@millrace/rpc";

import { RunningAttempt } from "./attempt/running-attempt.ts";
import { EarlyMessages } from "./session/early-messages.ts";
import { EpochGate } from "./session/epoch-gate.ts";
import { LeaderSession, type AttemptMessage } from "./session/leader-session.ts";
import { SlotPool } from "./slots/slot-pool.ts";
import type { WorkerConfig } from "./worker-config.ts";
import { createWorkerCounters, type WorkerCounters } from "./worker-counters.ts";
import type { WorkerMetrics } from "./worker-metrics.ts";
import type { WorkerPorts } from "./worker-ports.ts";

export interface Worker {
  /** Starts the slots and looks for the leading coordinator; returns at once. */
  start(): void;
  readMetrics(): WorkerMetrics;
  /**
   * Resolves when the worker has closed. Rejects when it stopped by itself: `version-skew`, `stale`
   * if a newer process has its id, `coordinator-unreachable` after the orphan timeout, `task-hung`
   * if a slot cannot be ended without the process.
   */
  readonly done: Promise<void>;
  /**
   * Asks the coordinator to go on elsewhere and returns when nothing runs here any more, when the
   * time is over, or when the worker closes (F31).
   */
  drain(timeoutMs: number): Promise<void>;
  /** Takes nothing more in, ends session, attempts and slots. Idempotent. */
  close(): Promise<void>;
}

export type WorkerOptions = WorkerPorts & { readonly config: WorkerConfig };

/** Returns a worker that does nothing before `start`. */
export function createWorker(options: WorkerOptions): Worker {
  return new WorkerRuntime(options);
}

/**
 * The main thread of a worker process: one session, some slots, one attempt per job. It runs no
 * user code.
 *
 * I1 Nothing is done for a message of a lower (leader epoch, attempt) than known of its job; a
 *    higher one than known is held until its deployment comes (S2).
 * I2 At most one attempt of a job runs: a deployment ends the one before it first.
 * I3 Without a session the slots run on, and acks are kept (F2).
 */
class WorkerRuntime implements Worker {
  readonly done: Promise<void>;
  readonly #options: WorkerOptions;
  readonly #incarnation: string;
  readonly #counters: WorkerCounters = createWorkerCounters();
  readonly #gate = new EpochGate();
  readonly #early = new EarlyMessages();
  readonly #attempts = new Map<JobId, RunningAttempt>();
  readonly #session: LeaderSession;
  readonly #pool: SlotPool;
  readonly #settle: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  /** Data addresses that the session's coordinator knows of, so that it hears of each slot once. */
  #offered = new Set<string>();
  #closing: Promise<void> | undefined;
  /** Resolved when nothing runs here any more. */
  #drained: PromiseWithResolvers<void> | undefined;

  constructor(options: WorkerOptions) {
    const { config, random } = options;
    assert(config.slotCount > 0, "a worker has at least one slot");
    this.#options = options;
    this.#incarnation = randomId(random);
    this.done = this.#settle.promise;
    const shared = { ...options, counters: this.#counters };
    this.#pool = new SlotPool({
      ...shared,
      onReady: (slot) => this.#offer(slot),
      onStuck: (error) => this.#stop(error),
    });
    this.#session = new LeaderSession({
      ...shared,
      handlers: {
        register: () => this.#register(),
        heartbeat: () => this.#heartbeat(),
        onWelcome: ({ leaderEpoch, clusterId }) => {
          this.#onWelcome(leaderEpoch);
          options.onCluster?.(clusterId);
        },
        onMessage: (message) => this.#onMessage(message),
        onLost: () => {},
        onStopped: (error) => this.#stop(error),
      },
    });
  }

  start(): void {
    if (this.#closing !== undefined) return;
    this.#pool.start();
    this.#session.start();
  }

  async drain(timeoutMs: number): Promise<void> {
    if (this.#closing !== undefined || this.#attempts.size === 0) return;
    const { clock, logger } = this.#options;
    logger.log("info", "worker drains", { jobIds: [...this.#attempts.keys()].join(" ") });
    const drained = (this.#drained ??= Promise.withResolvers<void>());
    this.#session.send({ kind: "draining" });
    const timer = clock.schedule(timeoutMs, drained.resolve);
    await Promise.race([drained.promise, this.done.catch(() => {})]);
    timer[Symbol.dispose]();
  }

  close(): Promise<void> {
    this.#closing ??= this.#shutDown().then(this.#settle.resolve, this.#settle.reject);
    return this.#closing;
  }

  readMetrics(): WorkerMetrics {
    const counters = this.#counters;
    return {
      session: {
        isConnected: this.#session.isConnected(),
        sessionsOpened: counters.sessionsOpened,
        messagesStale: counters.messagesStale,
        messagesHeld: counters.messagesHeld,
      },
      slots: {
        total: this.#options.config.slotCount,
        ready: this.#pool.ready().length,
        inUse: this.#pool.inUse(),
        started: counters.slotsStarted,
        hung: counters.slotsHung,
        exited: counters.slotsExited,
        memory: this.#pool.memory(),
      },
      subtasks: [...this.#attempts.values()].flatMap((attempt) => attempt.metrics()),
      snapshots: {
        acked: counters.snapshotsAcked,
        declined: counters.snapshotsDeclined,
        uploading: counters.uploadsRunning,
        uploadedBytes: counters.uploadedBytes,
        uploadMsTotal: counters.uploadMsTotal,
        uploadRetries: counters.uploadRetries,
        slicesMsTotal: counters.slicesMsTotal,
        lastP99SliceMs: counters.lastP99SliceMs,
        lastLongestSliceMs: counters.lastLongestSliceMs,
      },
      restores: {
        completed: counters.restoresCompleted,
        failed: counters.restoresFailed,
        restoredBytes: counters.restoredBytes,
        lastRestoreMs: counters.lastRestoreMs,
        corruptReads: counters.corruptReads,
      },
      logLinesDropped: counters.logLinesDropped,
    };
  }

  #register(): WorkerMessage {
    const { config } = this.#options;
    const slots = this.#pool.ready();
    this.#offered = new Set(slots.map(({ dataAddress }) => dataAddress));
    return {
      kind: "register",
      protocolVersion,
      version: config.version,
      workerId: config.workerId,
      incarnation: this.#incarnation,
      processId: config.processId,
      slots,
      running: [...this.#attempts.values()].map(({ ref }) => ref),
    };
  }

  #heartbeat(): WorkerMessage {
    const subtasks = [...this.#attempts.values()].flatMap((attempt) => attempt.takeHeartbeat());
    return { kind: "heartbeat", sentAtMs: this.#options.clock.wallMs(), subtasks };
  }

  #onWelcome(leaderEpoch: LeaderEpoch): void {
    if (this.#drained !== undefined) this.#session.send({ kind: "draining" });
    // Slots that became ready between the registration and now.
    for (const slot of this.#pool.ready()) {
      if (!this.#offered.has(slot.dataAddress)) this.#offer(slot);
    }
    for (const attempt of this.#attempts.values()) {
      const { jobId, attempt: number } = attempt.ref;
      this.#options.logger.log("info", "attempt runs on under a leader that was found again", {
        jobId,
        attempt: number,
        leaderEpoch,
      });
      attempt.onWelcome();
    }
  }

  #offer(slot: SlotOffer): void {
    if (this.#drained !== undefined) return;
    if (this.#session.send({ kind: "slot-ready", slot })) this.#offered.add(slot.dataAddress);
  }

  #onMessage(message: AttemptMessage): void {
    const ref = message.kind === "deploy" ? message.deployment.ref : message.ref;
    switch (this.#judge(message, ref)) {
      case "stale":
        this.#counters.messagesStale += 1;
        this.#logMessage("warn", "stale message refused", message.kind, ref);
        return;
      case "newer":
        if (message.kind === "deploy") this.#deploy(message.deployment);
        else if (message.kind === "cancel-attempt") this.#cancel(ref, message.reason);
        else this.#hold(message, ref);
        return;
      case "current":
        if (message.kind === "deploy") return; // Said twice (F9).
        if (message.kind === "cancel-attempt") this.#cancel(ref, message.reason);
        else this.#attempts.get(ref.jobId)?.onMessage(message);
    }
  }

  #judge(message: AttemptMessage, ref: AttemptRef): ReturnType<EpochGate["judge"]> {
    const verdict = this.#gate.judge(ref);
    if (verdict !== "stale") return verdict;
    const { failpoints } = this.#options;
    const isOldCompletion = message.kind === "checkpoint-completed";
    const isLetThrough =
      failpoints.isActive("no-attempt-check") ||
      (isOldCompletion && failpoints.isActive("completion-of-older-attempt-accepted"));
    return isLetThrough ? "current" : "stale";
  }

  #deploy(deployment: Deployment): void {
    const { ref } = deployment;
    this.#end(ref.jobId, `attempt ${ref.attempt} replaces it`);
    this.#gate.raise(ref);
    this.#logMessage("info", "attempt deployed", "deploy", ref);
    const attempt = new RunningAttempt({
      deployment,
      ports: this.#options,
      config: this.#options.config,
      counters: this.#counters,
      pool: this.#pool,
      send: (message) => void this.#session.send(message),
    });
    this.#attempts.set(ref.jobId, attempt);
    attempt.start();
    for (const message of this.#early.take(ref)) attempt.onMessage(message);
  }

  #cancel(ref: AttemptRef, reason: string): void {
    this.#gate.raise(ref);
    this.#early.take(ref);
    this.#end(ref.jobId, reason);
  }

  #end(jobId: JobId, reason: string): void {
    const attempt = this.#attempts.get(jobId);
    if (attempt === undefined) return;
    attempt.cancel(reason);
    this.#attempts.delete(jobId);
    if (this.#attempts.size === 0) this.#drained?.resolve();
    // To the coordinator a slot that it deployed on is used until it hears of it again.
    const unclaimed = new Set(attempt.unclaimed().map(({ dataAddress }) => dataAddress));
    for (const slot of this.#pool.ready()) if (unclaimed.has(slot.dataAddress)) this.#offer(slot);
  }

  #hold(message: Parameters<RunningAttempt["onMessage"]>[0], ref: AttemptRef): void {
    this.#counters.messagesHeld += 1;
    const isHeld = this.#early.add(message);
    const text = isHeld ? "message is early: held" : "message is early: too many are held";
    this.#logMessage("warn", text, message.kind, ref);
  }

  #logMessage(level: "info" | "warn", text: string, message: string, ref: AttemptRef): void {
    const { jobId, leaderEpoch, attempt } = ref;
    this.#options.logger.log(level, text, { message, jobId, leaderEpoch, attempt });
  }

  /** The worker gives up by itself. */
  #stop(error: StreamError): void {
    this.#options.logger.log("error", "worker stops", { code: error.code, cause: error.message });
    this.#settle.reject(error);
    void this.close(); // Settles nothing any more; `done` has the reason.
  }

  async #shutDown(): Promise<void> {
    this.#session.close();
    for (const jobId of this.#attempts.keys()) this.#end(jobId, "the worker closes");
    await this.#pool.close();
  }
}
