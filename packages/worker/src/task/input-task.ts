import { assert, type CheckpointId, type SubtaskId, type VertexId } from "@millrace/core";
import type { ConsumeRecord } from "@millrace/exchange";

import type { InputAction, InputGate } from "../input/input-gate.ts";
import { InputDrain } from "./input-drain.ts";
import type { SubtaskContext } from "./subtask-context.ts";
import type { Task, TaskActivity } from "./task.ts";
import type { TurnBudget } from "./turn-budget.ts";

export interface InputTaskOptions {
  readonly context: SubtaskContext;
  readonly input: InputGate;
  /** What runs the records of an edge, by the edge's index. */
  readonly consumers: ReadonlyMap<number, ConsumeRecord>;
}

/**
 * What tasks that read from other subtasks have in common, whatever they do with it.
 *
 * I1 A watermark fires fully before anything else is done: also before a barrier's cut (S8, S12).
 * I2 Watermarks leave at most once a turn, before a barrier and before the end of input.
 * I3 The end of input is sent on after everything fired; barriers still pass afterwards.
 */
export abstract class InputTask implements Task {
  readonly subtaskId: SubtaskId;
  readonly vertexId: VertexId;
  readonly subtaskIndex: number;
  protected readonly context: SubtaskContext;
  protected readonly input: InputGate;
  protected readonly drain: InputDrain;
  /** The watermark that is being fired. */
  protected firingMs: number | undefined;
  #isStarted = false;
  #isEnded = false;
  #isDrained = false;

  constructor(options: InputTaskOptions) {
    const { context, input } = options;
    this.context = context;
    this.input = input;
    this.drain = new InputDrain(options);
    this.subtaskId = context.subtaskId;
    this.vertexId = context.vertexId;
    this.subtaskIndex = context.subtaskIndex;
  }

  start(): void {
    assert(!this.#isStarted, `${this.subtaskId} starts once`);
    this.#isStarted = true;
  }

  work(budget: TurnBudget): TaskActivity {
    if (!this.#isStarted) return "idle";
    const activity = this.run(budget);
    this.context.emitWatermark();
    if (activity === "idle" || activity === "full") this.context.awaitProcessingTime();
    return activity;
  }

  flush(nowMs: number, isIdle: boolean): void {
    this.context.flush(nowMs, isIdle);
  }

  onCheckpointCompleted(checkpointId: CheckpointId): void {
    this.context.completions.add(checkpointId);
  }

  onCheckpointAborted(checkpointId: CheckpointId): void {
    this.input.abortCheckpoint(checkpointId);
    this.context.snapshots.abort(checkpointId);
  }

  stepSnapshot(budget: TurnBudget): boolean {
    return this.context.snapshots.step(() => budget.isSpent());
  }

  readMetrics(): ReturnType<Task["readMetrics"]> {
    return this.context.readMetrics(this.context.chain.watermarkMs);
  }

  /** Does what there is to do until it pauses; returns why it did. */
  protected abstract run(budget: TurnBudget): TaskActivity;

  /** Fires the watermark that is being fired, if one is; true when it has, or there is none. */
  protected fire(shouldPause: () => boolean): boolean {
    if (this.firingMs === undefined) return true;
    if (!this.context.fireWatermark(this.firingMs, shouldPause)) return false;
    this.firingMs = undefined;
    return true;
  }

  /** As `fire`, for what is due by processing time: never amid what a watermark fires. */
  protected fireProcessingTime(shouldPause: () => boolean): boolean {
    return this.firingMs !== undefined || this.context.fireProcessingTime(shouldPause);
  }

  /** What it is while more is to be done. */
  protected paused(): TaskActivity {
    return this.context.chain.hasRoom() ? "busy" : "backpressured";
  }

  protected passStatus(isIdle: boolean): void {
    this.context.emitWatermark();
    this.context.emitStatus(isIdle);
  }

  protected cut({ barrier, alignmentMs }: Extract<InputAction, { kind: "barrier" }>): void {
    this.context.emitWatermark();
    this.context.cut({ barrier, isDrained: this.#isDrained, alignmentMs, lists: [] });
  }

  protected end(): void {
    assert(!this.#isEnded, `${this.subtaskId} ends once`);
    this.#isEnded = true;
    this.context.emitWatermark();
    this.context.emitEndOfInput();
    this.context.finish(() => {
      this.#isDrained = true;
      this.context.mailbox.report(this.subtaskId, { kind: "drained" });
    });
  }
}
