import type { Clock } from "@millrace/core";

import type { AsyncRequest } from "./async-request.ts";
import { Fifo } from "./fifo.ts";

/**
 * When requests time out. All have the same time, so they are due in the order in which they began,
 * and one timer is enough.
 *
 * I1 It holds at most as many settled requests as open ones, and some: a slow one in front of many
 *    quick ones holds none of them up in memory.
 */
export class Deadlines implements Disposable {
  readonly #capacity: number;
  readonly #wake: () => void;
  readonly #requests = new Fifo<AsyncRequest>();
  #timer: Disposable | undefined;

  constructor(capacity: number, wake: () => void) {
    this.#capacity = capacity;
    this.#wake = wake;
  }

  add(request: AsyncRequest, clock: Clock): void {
    if (this.#requests.length >= 2 * this.#capacity + 64) {
      this.#requests.retain((one) => !one.isSettled());
    }
    this.#requests.push(request);
    this.schedule(clock);
  }

  /** Removes and returns the next request whose time is over, undefined if there is none. */
  takeDue(nowMs: number): AsyncRequest | undefined {
    this.#dropSettled();
    const first = this.#requests.peek();
    return first !== undefined && first.deadlineMs <= nowMs ? this.#requests.shift() : undefined;
  }

  /** Wakes when the next one is due. */
  schedule(clock: Clock): void {
    if (this.#timer !== undefined) return;
    this.#dropSettled();
    const first = this.#requests.peek();
    if (first === undefined) return;
    const delayMs = Math.max(0, first.deadlineMs - clock.monotonicMs());
    this.#timer = clock.schedule(delayMs, () => {
      this.#timer = undefined;
      this.#wake();
    });
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  #dropSettled(): void {
    while (this.#requests.peek()?.isSettled() === true) this.#requests.shift();
  }
}
