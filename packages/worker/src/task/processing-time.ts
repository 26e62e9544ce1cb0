import type { Clock } from "@millrace/core";

/** The wall clock as a subtask's operators see it: it never falls back within an attempt. */
export class ProcessingTime {
  readonly #clock: Clock;
  #lastMs = -Infinity;
  #turnMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds since the epoch. */
  nowMs(): number {
    this.#lastMs = Math.max(this.#lastMs, this.#clock.wallMs());
    return this.#lastMs;
  }

  /** The same as it was when it was first asked for in this turn: the clock is read once for all records. */
  turnMs(): number {
    this.#turnMs ??= this.nowMs();
    return this.#turnMs;
  }

  beginTurn(): void {
    this.#turnMs = undefined;
  }
}
