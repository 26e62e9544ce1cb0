import type { Clock } from "@millrace/core";

/** How long one task works before others, I/O and commands get their turn. */
export const turnBudgetMs = 2;
/** Also a limit in records: a virtual clock stands still within a turn. */
const maxCountPerTurn = 4_096;
const maxStride = 64;

/**
 * Says when a turn is over. Counting is per record; the clock is read every few records only, more
 * often when records are slow.
 */
export class TurnBudget {
  readonly #clock: Clock;
  #deadlineMs = 0;
  #lastReadMs = 0;
  #left = 0;
  #untilRead = 1;
  #stride = 1;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Begins a turn of at most so many milliseconds. */
  begin(budgetMs: number): void {
    this.#lastReadMs = this.#clock.monotonicMs();
    this.#deadlineMs = this.#lastReadMs + budgetMs;
    this.#left = maxCountPerTurn;
    this.#untilRead = this.#stride;
  }

  /** Counts one step; whether the turn is over. */
  isSpent(): boolean {
    if (this.#left <= 1) {
      this.#left = 0;
      return true;
    }
    this.#left -= 1;
    this.#untilRead -= 1;
    return this.#untilRead <= 0 && this.#readClock();
  }

  #readClock(): boolean {
    const nowMs = this.#clock.monotonicMs();
    const isSlow = nowMs - this.#lastReadMs > turnBudgetMs / 4;
    this.#stride = isSlow ? Math.max(1, this.#stride >> 1) : Math.min(maxStride, this.#stride << 1);
    this.#lastReadMs = nowMs;
    this.#untilRead = this.#stride;
    if (nowMs < this.#deadlineMs) return false;
    this.#left = 0;
    return true;
  }
}
