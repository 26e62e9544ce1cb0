import { assertNever, type DrainPace } from "@millrace/core";
import type { AsyncOperator, Mark } from "@millrace/operators";

import { InputTask, type InputTaskOptions } from "./input-task.ts";
import type { Task, TaskActivity } from "./task.ts";
import type { TurnBudget } from "./turn-budget.ts";

export interface AsyncTaskOptions extends InputTaskOptions {
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
export class AsyncTask extends InputTask {
  readonly #head: AsyncOperator;

  constructor(options: AsyncTaskOptions) {
    super(options);
    this.#head = options.head;
  }

  abort(reason: unknown): void {
    this.#head.abort(reason);
  }

  override readMetrics(): ReturnType<Task["readMetrics"]> {
    return { ...super.readMetrics(), async: this.#head.counts() };
  }

  protected override run(budget: TurnBudget): TaskActivity {
    const { chain } = this.context;
    const head = this.#head;
    const shouldPause = (): boolean => budget.isSpent() || !chain.hasRoom();
    const pace = new RoomPace(budget, head);
    this.#inHead(() => head.settle());
    // Of the operators behind.
    if (!this.fireProcessingTime(shouldPause)) return this.paused();
    while (this.fire(shouldPause)) {
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
    return this.paused();
  }

  /** Does the next thing that the input asks for; false when there is none, or no room for it. */
  #readNext(pace: DrainPace): boolean {
    const action = this.input.next();
    switch (action.kind) {
      case "nothing":
        return false;
      case "records":
        if (this.#head.room() <= 0) return false;
        this.drain.run(action, pace);
        return true;
      case "watermark":
      case "status":
      case "end-of-input":
        this.#head.hold(action);
        return true;
      case "barrier":
        this.cut(action);
        return true;
      default:
        return assertNever(action);
    }
  }

  /** Does what an element that has left the operator asks for. */
  #pass(mark: Mark): void {
    switch (mark.kind) {
      case "watermark":
        this.firingMs = mark.watermarkMs;
        return;
      case "status":
        this.passStatus(mark.isIdle);
        return;
      case "end-of-input":
        this.end();
        return;
      default:
        assertNever(mark);
    }
  }

  /** Calls the operator outside of a drain; what it throws gets its place. */
  #inHead<Result>(call: () => Result): Result {
    const { chain } = this.context;
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
