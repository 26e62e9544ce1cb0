import type { Clock } from "@millrace/core";

/** The wall clock as a subtask's operators see it: it never falls back within an attempt. */
export class ProcessingTime {
  readonly #clock: Clock;
  #lastMs = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds since the epoch. */
  nowMs(): number {
    this.#lastMs = Math.max(this.#lastMs, this.#clock.wallMs());
    return this.#lastMs;
  }
}
