import type { Clock } from "@millrace/core";

interface Timer {
  readonly atMs: number;
  readonly callback: () => void;
}

/** A clock that stands still until a test advances it. */
export class ManualClock implements Clock {
  #nowMs = 0;
  #timers: Timer[] = [];

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return 1_000_000 + this.#nowMs;
  }

  schedule(delayMs: number, callback: () => void): Disposable {
    const timer = { atMs: this.#nowMs + delayMs, callback };
    this.#timers = [...this.#timers, timer].toSorted((a, b) => a.atMs - b.atMs);
    return {
      [Symbol.dispose]: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  advance(byMs: number): void {
    this.#nowMs += byMs;
    while (this.#timers[0] !== undefined && this.#timers[0].atMs <= this.#nowMs) {
      this.#timers.shift()?.callback();
    }
  }

  timerCount(): number {
    return this.#timers.length;
  }
}
