import type { Clock } from "@millrace/core";

/** Tokens for so long may gather while nothing is taken. */
const burstMs = 20;

/** Limits records per second; time is read once a turn, in `refill`. */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #perMs: number;
  readonly #capacity: number;
  #tokens: number;
  #refilledMs: number;

  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock;
    this.#perMs = perSecond / 1_000;
    this.#capacity = Math.max(1, this.#perMs * burstMs);
    this.#tokens = 1;
    this.#refilledMs = clock.monotonicMs();
  }

  refill(): void {
    const nowMs = this.#clock.monotonicMs();
    const gained = (nowMs - this.#refilledMs) * this.#perMs;
    this.#tokens = Math.min(this.#capacity, this.#tokens + gained);
    this.#refilledMs = nowMs;
  }

  /** Takes one token if there is one. */
  take(): boolean {
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  hasToken(): boolean {
    return this.#tokens >= 1;
  }

  /** Milliseconds until a few tokens are there, so that waking up pays. */
  waitMs(): number {
    const wanted = Math.max(1, this.#capacity / 2);
    return Math.max(1, (wanted - this.#tokens) / this.#perMs);
  }
}
