import {
  assert,
  assertNever,
  type CheckpointId,
  type DrainPace,
  type SubtaskId,
  type VertexId,
} from "@millrace/core";
import type { ConsumeRecord } from "@millrace/exchange";

import type { InputGate } from "../input/input-gate.ts";
import { InputDrain } from "./input-drain.ts";
import type { SubtaskContext } from "./subtask-context.ts";
import type { Task, TaskActivity } from "./task.ts";
import { CheckedPace, type TurnBudget } from "./turn-budget.ts";

export interface OperatorTaskOptions {
  readonly context: SubtaskContext;
  readonly input: InputGate;
  /** What runs the records of an edge, by the edge's index. */
  readonly consumers: ReadonlyMap<number, ConsumeRecord>;
}

/**
 * Runs what its input gate gives through the chain.
 *
 * I1 A watermark fires fully before anything else is read: also before a barrier's cut (S8, S12).
 *    Timers of processing time fire at the beginning of a turn, never amid a watermark's.
 * I2 Watermarks leave at most once a turn, before a barrier and before the end of input.
 * I3 The end of input is sent on after everything fired; barriers still pass afterwards.
 */
export class OperatorTask implements Task {
  readonly subtaskId: SubtaskId;
  readonly vertexId: VertexId;
  readonly subtaskIndex: number;
  readonly #context: SubtaskContext;
  readonly #input: InputGate;
  readonly #drain: InputDrain;
  /** The watermark that is being fired. */
  #firingMs: number | undefined;
  #isStarted = false;
  #isEnded = false;
  #isDrained = false;

  constructor({ context, input, consumers }: OperatorTaskOptions) {
    this.#context = context;
    this.#input = input;
    this.#drain = new InputDrain({ context, input, consumers });
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
    if (activity === "idle") this.#context.awaitProcessingTime();
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
    if (!chain.hasRoom()) return "backpressured";
    const shouldPause = (): boolean => budget.isSpent() || !chain.hasRoom();
    if (this.#firingMs === undefined && !this.#context.fireProcessingTime(shouldPause)) {
      return chain.hasRoom() ? "busy" : "backpressured";
    }
    const pace = chain.holdsBack() ? new CheckedPace(shouldPause) : budget;
    while (true) {
      if (this.#firingMs !== undefined && !this.#fire(this.#firingMs, shouldPause)) break;
      // Barriers pass without room; what is read next may be a record.
      if (!chain.hasRoom() || budget.isSpent()) break;
      if (!this.#readNext(pace)) return chain.hasRoom() ? "idle" : "backpressured";
    }
    return chain.hasRoom() ? "busy" : "backpressured";
  }

  /** Does the next thing that the input asks for; false when there is none. */
  #readNext(pace: DrainPace): boolean {
    const action = this.#input.next();
    switch (action.kind) {
      case "nothing":
        return false;
      case "records":
        this.#drain.run(action, pace);
        return true;
      case "watermark":
        this.#firingMs = action.watermarkMs;
        return true;
      case "status":
        this.#context.emitWatermark();
        this.#context.emitStatus(action.isIdle);
        return true;
      case "barrier":
        this.#context.emitWatermark();
        this.#context.cut({
          barrier: action.barrier,
          isDrained: this.#isDrained,
          alignmentMs: action.alignmentMs,
          lists: [],
        });
        return true;
      case "end-of-input":
        this.#end();
        return true;
      default:
        return assertNever(action);
    }
  }

  #fire(watermarkMs: number, shouldPause: () => boolean): boolean {
    if (!this.#context.fireWatermark(watermarkMs, shouldPause)) return false;
    this.#firingMs = undefined;
    return true;
  }

  #end(): void {
    assert(!this.#isEnded, `${this.subtaskId} ends once`);
    this.#isEnded = true;
    this.#context.emitWatermark();
    this.#context.emitEndOfInput();
    this.#context.finish(() => {
      this.#isDrained = true;
      this.#context.mailbox.report(this.subtaskId, { kind: "drained" });
    });
  }
}
