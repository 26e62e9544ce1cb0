import {
  assert,
  assertNever,
  type CheckpointId,
  type SubtaskId,
  type VertexId,
} from "@millrace/core";

import type { SubtaskContext } from "./subtask-context.ts";
import type { TaskInput } from "./task-input.ts";
import type { Task, TaskActivity } from "./task.ts";
import type { TurnBudget } from "./turn-budget.ts";

/**
 * Runs what its input gate gives through the chain.
 *
 * I1 A watermark fires fully before anything else is read: also before a barrier's cut (S8, S12).
 * I2 Watermarks leave at most once a turn, before a barrier and before the end of input.
 * I3 The end of input is sent on after everything fired; barriers still pass afterwards.
 */
export class OperatorTask implements Task {
  readonly subtaskId: SubtaskId;
  readonly vertexId: VertexId;
  readonly subtaskIndex: number;
  readonly #context: SubtaskContext;
  readonly #input: TaskInput;
  /** The watermark that is being fired. */
  #firingMs: number | undefined;
  #isStarted = false;
  #isDrained = false;

  constructor(context: SubtaskContext, input: TaskInput) {
    this.#context = context;
    this.#input = input;
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
    const activity = this.#consume(budget);
    this.#context.emitWatermark();
    return activity;
  }

  flush(nowMs: number, isIdle: boolean): void {
    this.#context.flush(nowMs, isIdle);
  }

  onCheckpointCompleted(checkpointId: CheckpointId): void {
    this.#context.completions.add(checkpointId);
  }

  onCheckpointAborted(checkpointId: CheckpointId): void {
    this.#input.abortCheckpoint(checkpointId);
    this.#context.snapshots.abort(checkpointId);
  }

  stepSnapshot(budget: TurnBudget): boolean {
    return this.#context.snapshots.step(() => budget.isSpent());
  }

  readMetrics(): ReturnType<Task["readMetrics"]> {
    return this.#context.readMetrics(this.#context.chain.watermarkMs);
  }

  #consume(budget: TurnBudget): TaskActivity {
    const { chain } = this.#context;
    const shouldPause = (): boolean => budget.isSpent() || !chain.hasRoom();
    while (true) {
      if (this.#firingMs !== undefined && !this.#fire(this.#firingMs, shouldPause)) break;
      // Barriers pass without room; what is read next may be a record.
      if (!chain.hasRoom() || budget.isSpent()) break;
      if (!this.#readNext(shouldPause)) return chain.hasRoom() ? "idle" : "backpressured";
    }
    return chain.hasRoom() ? "busy" : "backpressured";
  }

  /** Handles one event of the input; false when there is none. */
  #readNext(shouldPause: () => boolean): boolean {
    const event = this.#poll(shouldPause);
    switch (event.kind) {
      case "empty":
        return false;
      case "paused":
        return true;
      case "watermark":
        this.#firingMs = event.watermarkMs;
        return true;
      case "status":
        this.#context.emitStatus(event.isIdle);
        return true;
      case "aligned":
        this.#context.emitWatermark();
        this.#context.cut({
          barrier: event.barrier,
          isDrained: this.#isDrained,
          alignmentMs: event.alignmentMs,
          lists: [],
        });
        return true;
      case "end-of-input":
        this.#end();
        return true;
      default:
        return assertNever(event);
    }
  }

  #poll(shouldPause: () => boolean): ReturnType<TaskInput["poll"]> {
    try {
      return this.#input.poll(shouldPause);
    } catch (error) {
      throw this.#context.chain.locate(error, { channel: this.#input.describePosition() });
    }
  }

  #fire(watermarkMs: number, shouldPause: () => boolean): boolean {
    if (!this.#context.fireWatermark(watermarkMs, shouldPause)) return false;
    this.#firingMs = undefined;
    return true;
  }

  #end(): void {
    assert(!this.#isDrained, `${this.subtaskId} ends once`);
    this.#isDrained = true;
    this.#context.emitWatermark();
    this.#context.emitEndOfInput();
    this.#context.mailbox.report(this.subtaskId, { kind: "drained" });
  }
}
