/**
 * Runs one job: owns its machine and its queue of events, executes the machine's effects, and keeps
 * what users are shown. It decides nothing itself; decisions are in `job-machine.ts`.
 *
 * I1 Events are handled one after the other; an event that an effect causes waits for its turn.
 * I2 Messages of another leader epoch or attempt are dropped and counted (S2).
 * I3 After `close` nothing is sent or written; the job stays as it is in the metadata (S6).
 */
import type { CommittedCheckpoint } from "@millrace/checkpoint";
import {
  assertNever,
  randomFraction,
  StreamError,
  toFailureData,
  type FailureData,
  type SubtaskId,
  type WorkerId,
} from "@millrace/core";
import type { Placement } from "@millrace/graph";
import type { JobState, SubtaskMetrics, SubtaskState } from "@millrace/rpc";

import { createCheckpointStats, type CheckpointStats } from "../checkpoint/checkpoint-stats.ts";
import { raiseAttempt, type RaisedAttempt } from "../checkpoint/recovery.ts";
import type { AttemptMessage, WorkerRegistry } from "../cluster/registry.ts";
import type { CoordinatorContext } from "../context.ts";
import { LogBuffer } from "../logs/log-buffer.ts";
import { AttemptRun } from "./attempt-run.ts";
import { createEndedMachine, createJobMachine, transition } from "./job-machine.ts";
import type { JobMemory } from "./job-memory.ts";
import { departure, endOfAttempt, toOutcome, withSubtask } from "./job-outcome.ts";
import { JobSlots } from "./job-slots.ts";
import type { JobEffect, JobEvent, JobGoal, JobMachine, JobOutcome } from "./job-states.ts";
import { JobStory } from "./job-story.ts";
import { JobTimers } from "./job-timers.ts";
import { recordEnd, recordGoal } from "./job-transactions.ts";
import { describeFailure, visibleState } from "./job-view.ts";
import { RecoveryTracker } from "./recovery-tracker.ts";
import type { RestartSettings } from "./restart-policy.ts";

export interface JobRunnerOptions {
  readonly context: CoordinatorContext;
  readonly registry: WorkerRegistry;
  readonly job: JobMemory;
  readonly onStale: () => void;
}

const hasAttempt: ReadonlySet<string> = new Set(["raising", "deploying", "running"]);

export class JobRunner {
  readonly job: JobMemory;
  readonly logs: LogBuffer;
  readonly stats: CheckpointStats = createCheckpointStats();
  readonly recovery: RecoveryTracker;
  readonly #options: JobRunnerOptions;
  readonly #settings: RestartSettings;
  readonly #timers: JobTimers;
  readonly #story: JobStory;
  readonly #slots: JobSlots;
  readonly #metrics = new Map<SubtaskId, SubtaskMetrics>();
  readonly #queue: JobEvent[] = [];
  #isHandling = false;
  #machine: JobMachine;
  #raised: RaisedAttempt | undefined;
  #run: AttemptRun | undefined;
  #shownState: JobState | undefined;
  #isClosed = false;

  constructor(options: JobRunnerOptions) {
    const { context, job } = options;
    this.#options = options;
    this.job = job;
    this.logs = new LogBuffer(context.config.logLineLimit);
    this.recovery = new RecoveryTracker(context.clock);
    this.#story = new JobStory({
      context,
      jobId: job.record.jobId,
      logs: this.logs,
      attempt: () => this.attempt(),
    });
    this.#timers = new JobTimers(context.clock);
    this.#slots = new JobSlots(options.registry, job);
    this.#settings = {
      maxFailures: job.plan.settings.restart.maxFailures,
      backoff: context.config.restartBackoff,
    };
    const { result, goal, attempt } = job.snapshot;
    this.#machine =
      result === undefined
        ? createJobMachine({ goal, hasRun: attempt !== undefined })
        : createEndedMachine(toOutcome(result));
    this.#shownState = result === undefined ? undefined : result.outcome;
  }

  /** Takes the job up: it was submitted, or it was found in the metadata. */
  begin(): void {
    if (this.#machine.phase.kind === "ended") return;
    if (this.job.snapshot.attempt !== undefined) {
      this.recovery.detect("the coordinator started again");
    }
    this.#dispatch({ kind: "begin" });
  }

  state(): JobState {
    return visibleState(this.#machine, this.attempt());
  }

  machine(): JobMachine {
    return this.#machine;
  }

  /** The newest attempt; 0 before the first. */
  attempt(): number {
    return this.job.snapshot.attempt?.value.attempt ?? 0;
  }

  placements(): readonly Placement[] {
    return this.#run?.placements ?? [];
  }

  metricsOf(subtaskId: SubtaskId): SubtaskMetrics | undefined {
    return this.#metrics.get(subtaskId);
  }

  /** Returns when the wish is recorded; it then holds over restarts of everything. */
  async requestGoal(goal: Exclude<JobGoal, "run">): Promise<void> {
    await recordGoal(this.#options.context, this.job, goal);
    this.#story.say("info", `${goal === "drain" ? "stop with drain" : goal} requested`);
    this.#dispatch({ kind: "goal", goal });
  }

  onSlotsChanged(): void {
    this.#dispatch({ kind: "slots-changed" });
  }

  onWorkerLost(workerId: WorkerId, reason: string): void {
    const failure = departure(`worker ${workerId} was lost: ${reason}`);
    if (this.#slots.isOn(workerId)) {
      this.#fail(failure);
    } else if (this.#slots.wasOn(workerId)) {
      // Its peers may have noticed before: then this is what was behind it.
      this.#story.say("warn", failure.message);
      this.recovery.blame(describeFailure(failure));
    }
  }

  onWorkerDraining(workerId: WorkerId): void {
    if (!this.#slots.isOn(workerId)) return;
    const failure = departure(`worker ${workerId} drains: the job goes on elsewhere`);
    this.#dispatch({ kind: "hand-over", failure });
  }

  onSlotLost(workerId: WorkerId, slotIndex: number): void {
    if (!this.#slots.holds(workerId, slotIndex)) return;
    this.#fail(departure(`slot ${slotIndex} of worker ${workerId} was replaced`));
  }

  onMetrics(subtasks: readonly SubtaskMetrics[]): void {
    for (const metrics of subtasks) this.#metrics.set(metrics.subtaskId, metrics);
    this.#run?.onMetrics(subtasks);
  }

  onMessage(workerId: WorkerId, message: AttemptMessage): void {
    if (message.kind === "log-lines") {
      this.logs.append(message.lines);
      return;
    }
    const run = this.#run;
    const isLetThrough = this.#options.context.failpoints.isActive("no-attempt-check");
    if (run === undefined || !(run.isOf(message.ref) || isLetThrough)) {
      this.#options.onStale();
      return;
    }
    try {
      run.onMessage(workerId, message);
    } catch (caught) {
      // A session's handler may not throw; a bug that one message finds ends the attempt.
      this.#fail(toFailureData(caught));
    }
  }

  /** Is silent from now on; the workers run on. */
  close(): void {
    this.#isClosed = true;
    this.#timers.close();
    this.#run?.close();
  }

  #dispatch(event: JobEvent): void {
    this.#queue.push(event);
    if (this.#isHandling) return;
    this.#isHandling = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        if (!this.#isClosed) this.#handle(next);
      }
    } finally {
      this.#isHandling = false;
    }
  }

  #handle(event: JobEvent): void {
    const before = this.#machine.phase;
    const { machine, effects } = transition(this.#machine, event, this.#settings);
    this.#machine = machine;
    this.#tellOf(event, before.kind);
    for (const effect of effects) this.#execute(effect);
    this.#timers.watchSlotWait(machine.phase.kind === "waiting" && !machine.hasRun, {
      afterMs: this.#options.context.config.slotWaitMs,
      onOver: () => this.#dispatch({ kind: "slot-wait-over" }),
    });
    this.#showState();
  }

  #execute(effect: JobEffect): void {
    switch (effect.kind) {
      case "reserve-slots":
        this.#dispatch(this.#slots.reserve());
        return;
      case "raise-attempt":
        void this.#raiseAttempt(); // Reports its outcome as an event.
        return;
      case "deploy":
        this.#deploy();
        return;
      case "start":
        this.#start();
        return;
      case "stop-sources":
        this.#run?.stopSources(effect.isDrain);
        return;
      case "request-checkpoint":
        this.#run?.checkpoints.request(effect.checkpointKind);
        return;
      case "suspend-checkpoints":
        this.#run?.checkpoints.suspend();
        return;
      case "cancel-attempt":
        this.#cancelAttempt(effect.reason);
        return;
      case "wait-backoff":
        this.#story.say("info", `restarts in ${effect.delayMs} ms`);
        this.#timers.startBackoff(effect.delayMs, () => this.#dispatch({ kind: "backoff-over" }));
        return;
      case "record-end":
        void this.#recordEnd(effect.outcome); // Reports its outcome as an event.
        return;
      default:
        assertNever(effect);
    }
  }

  async #raiseAttempt(): Promise<void> {
    const { context } = this.#options;
    try {
      this.#raised = await raiseAttempt(context, this.job, this.#slots.place());
    } catch (caught) {
      this.#onEffectFailed(caught, (failure) =>
        this.#dispatch({ kind: "attempt-not-raised", failure, jitter: this.#jitter() }),
      );
      return;
    }
    const { attempt, restore } = this.#raised;
    const checkpointId = restore?.checkpoint.checkpointId;
    context.observe({
      kind: "attempt-raised",
      jobId: this.job.record.jobId,
      attempt,
      ...(checkpointId === undefined ? {} : { restore: checkpointId }),
    });
    this.#dispatch({ kind: "attempt-raised" });
  }

  #deploy(): void {
    const { context, registry } = this.#options;
    const raised = this.#raised;
    if (raised === undefined) return;
    this.recovery.beginAttempt();
    this.#metrics.clear();
    const run = new AttemptRun({
      context,
      registry,
      job: this.job,
      raised,
      placements: this.#slots.placements(),
      stats: this.stats,
      handlers: {
        onSubtaskState: (subtaskId, state) => this.#onSubtaskState(subtaskId, state),
        onCommitted: (checkpoint) => this.#onCommitted(checkpoint),
        onCheckpointFailed: (reason) =>
          this.#story.checkpointFailed(reason, this.stats.failedInRow),
        onPublished: (checkpointId) => this.#dispatch({ kind: "published", checkpointId }),
        onFailure: (failure) => this.#fail(failure),
      },
    });
    this.#run = run;
    this.#story.deployed(raised, run.workers);
    run.deploy();
    const { deployTimeoutMs } = context.config;
    this.#timers.startDeploy(deployTimeoutMs, () => {
      const message = `attempt ${raised.attempt} was not ready after ${deployTimeoutMs} ms`;
      this.#fail({ code: "deadline-exceeded", domain: "external", message });
    });
  }

  #start(): void {
    const run = this.#run;
    if (run === undefined) return;
    this.#timers.endDeploy();
    run.start();
  }

  #cancelAttempt(reason: string): void {
    this.#timers.endDeploy();
    this.#run?.cancel(reason);
    this.#run = undefined;
    this.#raised = undefined;
    this.#slots.release();
  }

  async #recordEnd(outcome: JobOutcome): Promise<void> {
    try {
      await recordEnd(this.#options.context, this.job, outcome);
    } catch (caught) {
      this.#onEffectFailed(caught, (failure) =>
        this.#story.say("error", `the end cannot be recorded: ${describeFailure(failure)}`),
      );
      return;
    }
    this.#dispatch({ kind: "end-recorded" });
  }

  #onSubtaskState(subtaskId: SubtaskId, state: SubtaskState): void {
    switch (state.kind) {
      case "failed":
        this.#fail(withSubtask(state.failure, subtaskId));
        return;
      case "ready":
        this.recovery.ready(subtaskId, state);
        this.#dispatch({ kind: "subtask-state", subtaskId, state: "ready" });
        return;
      case "running":
        this.#onFirstRunning();
        return;
      case "stopped":
      case "drained":
        this.#onFirstRunning();
        this.#dispatch({ kind: "subtask-state", subtaskId, state: state.kind });
        return;
      default:
        assertNever(state);
    }
  }

  #onFirstRunning(): void {
    const restored = this.#raised?.restore?.checkpoint.checkpointId;
    const summary = this.recovery.running(this.attempt(), restored);
    if (summary !== undefined) this.#story.recovered(summary);
  }

  #onCommitted(checkpoint: CommittedCheckpoint): void {
    this.#story.committed(checkpoint);
    const { checkpointId, kind } = checkpoint;
    this.#dispatch({ kind: "checkpoint-committed", checkpointId, checkpointKind: kind });
  }

  #fail(failure: FailureData): void {
    this.#dispatch({ kind: "attempt-failed", failure, jitter: this.#jitter() });
  }

  /** Reports what an effect could not do, unless this coordinator is on its way out. */
  #onEffectFailed(caught: unknown, report: (failure: FailureData) => void): void {
    if (this.#isClosed || this.#options.context.signal.aborted) return;
    const failure = toFailureData(caught);
    // Not the leader any more: whoever is goes on with the job.
    if (!StreamError.is(caught, "stale")) report(failure);
  }

  #tellOf(event: JobEvent, before: JobMachine["phase"]["kind"]): void {
    const failure = endOfAttempt(event, this.#machine);
    if (failure !== undefined) {
      if (!hasAttempt.has(before)) return;
      this.recovery.detect(describeFailure(failure));
      this.#story.attemptFailed(failure);
    } else if (event.kind === "slots-short" && this.#shownState !== "waiting-for-slots") {
      this.#story.waitsForSlots(event.shortage);
    }
  }

  #showState(): void {
    const state = this.state();
    if (state === this.#shownState) return;
    this.#shownState = state;
    this.#options.context.observe({ kind: "job-state", jobId: this.job.record.jobId, state });
    this.#story.stateChanged(state, this.#machine);
  }

  #jitter(): number {
    return randomFraction(this.#options.context.random);
  }
}
