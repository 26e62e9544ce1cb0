import type { SubtaskMetrics } from "@millrace/rpc";

import type { TaskActivity } from "./task.ts";

/** How long a task was busy, idle and held back; time counts for what it was left with. */
export class ActivityTimes {
  activity: TaskActivity = "idle";
  #settledMs: number;
  #busyMs = 0;
  #idleMs = 0;
  #backpressuredMs = 0;

  constructor(nowMs: number) {
    this.#settledMs = nowMs;
  }

  /** Counts the time since the last call for the activity of that time. */
  settle(nowMs: number): void {
    const elapsedMs = nowMs - this.#settledMs;
    this.#settledMs = nowMs;
    // A full task is what holds its job back, as one at work is.
    if (this.activity === "busy" || this.activity === "full") this.#busyMs += elapsedMs;
    else if (this.activity === "idle") this.#idleMs += elapsedMs;
    else this.#backpressuredMs += elapsedMs;
  }

  read(): Pick<SubtaskMetrics, "busyMs" | "idleMs" | "backpressuredMs"> {
    return {
      busyMs: this.#busyMs,
      idleMs: this.#idleMs,
      backpressuredMs: this.#backpressuredMs,
    };
  }
}
