import type { Clock, DrainPace } from "@millrace/core";

/** How long one task works before others, I/O and commands get their turn. */
export const turnBudgetMs = 2;
/** Also a limit in records: a virtual clock stands still within a turn. */
const maxCountPerTurn = 4_096;
const maxStride = 64;
/** Few, as they may be large: a sink takes so many more than it should at most. */
const recordsPerLook = 8;

/**
 * Says when a turn is over. Counting is per record; the clock is read every few records only, more
 * often when records are slow.
 */
export class TurnBudget implements DrainPace {
  /** Steps until the clock is read. */
  left = 0;
  readonly #clock: Clock;
  #deadlineMs = 0;
  #lastReadMs = 0;
  /** Steps of this turn that are not among `left`. */
  #laterCount = 0;
  #stride = 1;
  #isFirst = true;
  #isOver = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Begins a turn of at most so many milliseconds. */
  begin(budgetMs: number): void {
    this.#lastReadMs = this.#clock.monotonicMs();
    this.#deadlineMs = this.#lastReadMs + budgetMs;
    this.left = 0;
    this.#laterCount = maxCountPerTurn;
    this.#isFirst = true;
    this.#isOver = false;
  }

  /** Ends the turn: an output is full. */
  interrupt(): void {
    this.left = 0;
    this.#isOver = true;
  }

  /** Counts one step; whether the turn is over. */
  isSpent(): boolean {
    if (this.left > 1) {
      this.left -= 1;
      return false;
    }
    return !this.mayGoOn();
  }

  mayGoOn(): boolean {
    this.left = 0;
    if (!this.#isFirst && !this.#isOver) this.#readClock();
    this.#isFirst = false;
    if (this.#isOver) return false;
    this.left = Math.min(this.#stride, this.#laterCount);
    this.#laterCount -= this.left;
    return this.left > 0;
  }

  #readClock(): void {
    const nowMs = this.#clock.monotonicMs();
    const isSlow = nowMs - this.#lastReadMs > turnBudgetMs / 4;
    this.#stride = isSlow ? Math.max(1, this.#stride >> 1) : Math.min(maxStride, this.#stride << 1);
    this.#lastReadMs = nowMs;
    this.#isOver = nowMs >= this.#deadlineMs;
  }
}

/**
 * The pace of a task whose sinks hold records back: nothing tells when they hold too much, so they are
 * looked at every few records.
 */
export class CheckedPace implements DrainPace {
  left = 0;
  readonly #isOver: () => boolean;

  constructor(isOver: () => boolean) {
    this.#isOver = isOver;
  }

  mayGoOn(): boolean {
    this.left = this.#isOver() ? 0 : recordsPerLook;
    return this.left > 0;
  }
}
