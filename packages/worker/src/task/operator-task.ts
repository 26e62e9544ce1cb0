import { assertNever, type DrainPace } from "@millrace/core";

import { InputTask } from "./input-task.ts";
import type { TaskActivity } from "./task.ts";
import { CheckedPace, type TurnBudget } from "./turn-budget.ts";

/**
 * Runs what its input gate gives through the chain.
 *
 * I1 Timers of processing time fire at the beginning of a turn.
 */
export class OperatorTask extends InputTask {
  protected override run(budget: TurnBudget): TaskActivity {
    const { chain } = this.context;
    this.context.beginTurn();
    if (!chain.hasRoom()) return "backpressured";
    const shouldPause = (): boolean => budget.isSpent() || !chain.hasRoom();
    if (!this.fireProcessingTime(shouldPause)) return this.paused();
    const pace = chain.holdsBack() ? new CheckedPace(shouldPause) : budget;
    while (this.fire(shouldPause)) {
      // Barriers pass without room; what is read next may be a record.
      if (!chain.hasRoom() || budget.isSpent()) break;
      if (!this.#readNext(pace)) return chain.hasRoom() ? "idle" : "backpressured";
    }
    return this.paused();
  }

  /** Does the next thing that the input asks for; false when there is none. */
  #readNext(pace: DrainPace): boolean {
    const action = this.input.next();
    switch (action.kind) {
      case "nothing":
        return false;
      case "records":
        this.drain.run(action, pace);
        return true;
      case "watermark":
        this.firingMs = action.watermarkMs;
        return true;
      case "status":
        this.passStatus(action.isIdle);
        return true;
      case "barrier":
        this.cut(action);
        return true;
      case "end-of-input":
        this.end();
        return true;
      default:
        return assertNever(action);
    }
  }
}
