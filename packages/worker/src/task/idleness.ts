import type { Clock } from "@millrace/core";

import type { Mailbox } from "./task.ts";

/**
 * Decides when a source counts as idle: it has read nothing for some time while it could have (Flink's
 * withIdleness). What waits for room at its outputs is not idle.
 */
export class Idleness {
  readonly #afterMs: number;
  readonly #clock: Clock;
  readonly #mailbox: Pick<Mailbox, "wakeAfter">;
  #lastActiveMs: number;
  #wakeAtMs = -Infinity;
  #isIdle = false;

  constructor(afterMs: number, clock: Clock, mailbox: Pick<Mailbox, "wakeAfter">) {
    this.#afterMs = afterMs;
    this.#clock = clock;
    this.#mailbox = mailbox;
    this.#lastActiveMs = clock.monotonicMs();
  }

  get isIdle(): boolean {
    return this.#isIdle;
  }

  /** Begins anew, as when the subtask starts. */
  begin(): void {
    this.onActive();
    this.#wakeWhenDue(this.#lastActiveMs);
  }

  /** Records flow, or wait for room; returns whether it was idle until now. */
  onActive(): boolean {
    const wasIdle = this.#isIdle;
    this.#isIdle = false;
    this.#lastActiveMs = this.#clock.monotonicMs();
    return wasIdle;
  }

  /** Nothing was read; returns whether it has become idle by that. */
  onQuiet(): boolean {
    if (this.#isIdle) return false;
    const nowMs = this.#clock.monotonicMs();
    this.#isIdle = nowMs - this.#lastActiveMs >= this.#afterMs;
    if (!this.#isIdle) this.#wakeWhenDue(nowMs);
    return this.#isIdle;
  }

  /** One timer at a time is enough: it finds out how long to wait then. */
  #wakeWhenDue(nowMs: number): void {
    if (this.#wakeAtMs > nowMs) return;
    const waitMs = this.#lastActiveMs + this.#afterMs - nowMs;
    this.#wakeAtMs = nowMs + waitMs;
    this.#mailbox.wakeAfter(waitMs);
  }
}
