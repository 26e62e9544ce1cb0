import {
  assert,
  assertNever,
  type CheckpointId,
  type DrainPace,
  type SubtaskId,
  type VertexId,
} from "@millrace/core";
import type { ConsumeRecord } from "@millrace/exchange";
import type { AsyncOperator, Mark } from "@millrace/operators";

import type { InputGate } from "../input/input-gate.ts";
import { InputDrain } from "./input-drain.ts";
import type { SubtaskContext } from "./subtask-context.ts";
import type { Task, TaskActivity } from "./task.ts";
import type { TurnBudget } from "./turn-budget.ts";

export interface AsyncTaskOptions {
  readonly context: SubtaskContext;
  readonly input: InputGate;
  /** What runs the records of an edge, by the edge's index. */
  readonly consumers: ReadonlyMap<number, ConsumeRecord>;
  /** The first operator of the chain. */
  readonly head: AsyncOperator;
}

/** Between two looks at the budget: the author's function runs for each record. */
const recordsPerLook = 8;

/**
 * Runs a chain that begins with an async operator. Watermarks, statuses and the end of input wait in
 * the operator for the records before them; the rest of the chain sees them when they leave it.
 *
 * I1 Barriers do not wait for requests: the cut holds what is in flight (S8). A barrier waits for
 *    room only where records stand before it in its channel.
 * I2 The chain's watermark is that of what has left the operator; so is the snapshot's, so that no
 *    record in flight is late after a restore (S12).
 * I3 What is restored is asked before anything is read. The input is read only while there is room.
 * I4 A watermark that has left fires fully before anything else leaves and before a cut.
 */
export class AsyncTask implements Task {
  readonly subtaskId: SubtaskId;
  readonly vertexId: VertexId;
  readonly subtaskIndex: number;
  readonly #context: SubtaskContext;
  readonly #input: InputGate;
  readonly #drain: InputDrain;
  readonly #head: AsyncOperator;
  /** The watermark that is being fired. */
  #firingMs: number | undefined;
  #isStarted = false;
  #isEnded = false;
  #isDrained = false;

  constructor({ context, input, consumers, head }: AsyncTaskOptions) {
    this.#context = context;
    this.#input = input;
    this.#drain = new InputDrain({ context, input, consumers });
    this.#head = head;
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
    const activity = this.#run(budget);
    this.#context.emitWatermark();
    if (activity === "idle" || activity === "full") this.#context.awaitProcessingTime();
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

  abort(reason: unknown): void {
    this.#head.abort(reason);
  }

  readMetrics(): ReturnType<Task["readMetrics"]> {
    const { chain } = this.#context;
    return { ...this.#context.readMetrics(chain.watermarkMs), async: this.#head.counts() };
  }

  #run(budget: TurnBudget): TaskActivity {
    const { chain } = this.#context;
    const head = this.#head;
    const shouldPause = (): boolean => budget.isSpent() || !chain.hasRoom();
    const pace = new RoomPace(budget, head);
    this.#inHead(() => head.settle());
    // Of the operators behind; never amid what a watermark fires.
    if (this.#firingMs === undefined && !this.#context.fireProcessingTime(shouldPause)) {
      return this.#paused();
    }
    for (;;) {
      if (this.#firingMs !== undefined && !this.#fire(this.#firingMs, shouldPause)) break;
      const mark = this.#inHead(() => head.release(shouldPause));
      if (mark !== undefined) {
        this.#pass(mark);
        continue;
      }
      // Here, as what has left has made room for it.
      if (!this.#inHead(() => head.askAgain(() => budget.isSpent()))) break;
      if (shouldPause()) break;
      if (!this.#readNext(pace)) return head.room() > 0 ? "idle" : "full";
    }
    return this.#paused();
  }

  #paused(): TaskActivity {
    return this.#context.chain.hasRoom() ? "busy" : "backpressured";
  }

  /** Does the next thing that the input asks for; false when there is none, or no room for it. */
  #readNext(pace: DrainPace): boolean {
    const action = this.#input.next();
    switch (action.kind) {
      case "nothing":
        return false;
      case "records":
        if (this.#head.room() <= 0) return false;
        this.#drain.run(action, pace);
        return true;
      case "watermark":
      case "status":
      case "end-of-input":
        this.#head.hold(action);
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
      default:
        return assertNever(action);
    }
  }

  /** Does what an element that has left the operator asks for. */
  #pass(mark: Mark): void {
    switch (mark.kind) {
      case "watermark":
        this.#firingMs = mark.watermarkMs;
        return;
      case "status":
        this.#context.emitWatermark();
        this.#context.emitStatus(mark.isIdle);
        return;
      case "end-of-input":
        this.#end();
        return;
      default:
        assertNever(mark);
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

  /** Calls the operator outside of a drain; what it throws gets its place. */
  #inHead<Result>(call: () => Result): Result {
    const { chain } = this.#context;
    chain.cursor.step = 0;
    try {
      return call();
    } catch (error) {
      throw chain.locate(error, {});
    }
  }
}

/** Lets so many records through as the operator has room for. */
class RoomPace implements DrainPace {
  left = 0;
  readonly #budget: TurnBudget;
  readonly #head: AsyncOperator;

  constructor(budget: TurnBudget, head: AsyncOperator) {
    this.#budget = budget;
    this.#head = head;
  }

  mayGoOn(): boolean {
    this.left = this.#budget.isSpent() ? 0 : Math.min(recordsPerLook, this.#head.room());
    return this.left > 0;
  }
}
