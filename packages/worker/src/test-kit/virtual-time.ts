import type { Clock, Turn } from "@millrace/core";

interface Timer {
  readonly atMs: number;
  readonly sequence: number;
  readonly callback: () => void;
}

/** In one call of `run`. */
const maxEvents = 100_000;

/** Time and turns for tests of slots: nothing happens before `run` or `runUntil`. */
export class VirtualTime {
  #nowMs = 0;
  #sequence = 0;
  #timers: Timer[] = [];
  #turns: (() => void)[] = [];

  readonly clock: Clock = {
    monotonicMs: () => this.#nowMs,
    wallMs: () => 1_000_000 + this.#nowMs,
    schedule: (delayMs, callback) => {
      this.#sequence += 1;
      const timer = { atMs: this.#nowMs + delayMs, sequence: this.#sequence, callback };
      this.#timers.push(timer);
      return {
        [Symbol.dispose]: () => {
          this.#timers = this.#timers.filter((other) => other !== timer);
        },
      };
    },
  };

  readonly turn: Turn = { post: (callback) => void this.#turns.push(callback) };

  /** Timers that are set and neither fired nor disposed. */
  timerCount(): number {
    return this.#timers.length;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  /** Lets time pass as if code had used it. */
  spend(elapsedMs: number): void {
    this.#nowMs += elapsedMs;
  }

  /** Runs turns, promises and timers of the next milliseconds. */
  async run(durationMs = 0): Promise<void> {
    const endMs = this.#nowMs + durationMs;
    for (let count = 0; ; count += 1) {
      if (count > maxEvents) throw new Error(`something is busy for ever at ${this.#nowMs} ms`);
      await drainPromises();
      const turn = this.#turns.shift();
      if (turn === undefined) {
        const [timer] = this.#timers.toSorted((a, b) => a.atMs - b.atMs || a.sequence - b.sequence);
        if (timer === undefined || timer.atMs > endMs) break;
        this.#timers = this.#timers.filter((other) => other !== timer);
        this.#nowMs = Math.max(this.#nowMs, timer.atMs);
        timer.callback();
      } else {
        turn();
      }
    }
    this.#nowMs = Math.max(this.#nowMs, endMs);
  }

  /** Runs until the condition holds; throws after so many milliseconds of virtual time. */
  async runUntil(condition: () => boolean, limitMs = 60_000): Promise<void> {
    for (let passedMs = 0; !condition(); passedMs += 1) {
      if (passedMs > limitMs) throw new Error("the condition did not come true");
      await this.run(passedMs === 0 ? 0 : 1);
    }
  }
}

async function drainPromises(): Promise<void> {
  for (let count = 0; count < 12; count += 1) await Promise.resolve();
}
