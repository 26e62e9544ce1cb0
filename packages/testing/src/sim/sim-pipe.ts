import { canReach, drawLatencyMs, type LinkConditions } from "./link-faults.ts";
import type { SeededRandom } from "./seeded-random.ts";
import type { SimProcess } from "./sim-process.ts";

export interface PipeEnd {
  readonly process: SimProcess;
  onArrival(item: unknown): void;
  onBroken(cause: Error): void;
}

/** After this long without a way through, a link breaks (TCP's retransmission gives up). */
const linkTimeoutMs = 3_000;
const retryMs = 50;

/**
 * One direction of a connection between two simulated processes: a FIFO with latency. A partition
 * holds items back; when it lasts, the pipe breaks on both ends.
 */
export class SimPipe {
  readonly #conditions: LinkConditions;
  readonly #random: SeededRandom;
  readonly #from: PipeEnd;
  readonly #to: PipeEnd;
  #readyAtMs = 0;
  #queue: unknown[] = [];
  #isBroken = false;
  #blockedSinceMs: number | undefined;

  constructor(options: {
    readonly conditions: LinkConditions;
    readonly random: SeededRandom;
    readonly from: PipeEnd;
    readonly to: PipeEnd;
  }) {
    this.#conditions = options.conditions;
    this.#random = options.random;
    this.#from = options.from;
    this.#to = options.to;
  }

  send(item: unknown): void {
    if (this.#isBroken || !this.#from.process.isAlive()) return;
    this.#enqueue(item);
  }

  /** Sends one item although the sender is dead: what its operating system says for it. */
  sendLast(item: unknown): void {
    if (this.#isBroken) return;
    this.#enqueue(item);
  }

  /** Nothing more arrives; the ends are told by their connection. */
  cut(): void {
    this.#isBroken = true;
    this.#queue = [];
  }

  #enqueue(item: unknown): void {
    const { scheduler } = this.#to.process;
    const ends = [this.#from.process, this.#to.process] as const;
    const latencyMs = drawLatencyMs(this.#conditions, this.#random, ends);
    this.#readyAtMs = Math.max(this.#readyAtMs, scheduler.nowMs() + latencyMs);
    this.#queue.push(item);
    this.#scheduleDelivery(this.#readyAtMs - scheduler.nowMs());
  }

  #scheduleDelivery(delayMs: number): void {
    this.#to.process.scheduler.schedule(delayMs, `pipe ${this.#from.process.name}`, () => {
      this.#deliverOne();
    });
  }

  #deliverOne(): void {
    if (this.#isBroken || this.#queue.length === 0) return;
    if (!canReach(this.#conditions, this.#from.process, this.#to.process)) {
      this.#wait();
      return;
    }
    this.#blockedSinceMs = undefined;
    const item = this.#queue.shift();
    this.#to.process.post(0, "arrival", () => {
      if (!this.#isBroken) this.#to.onArrival(item);
    });
  }

  #wait(): void {
    const nowMs = this.#to.process.scheduler.nowMs();
    this.#blockedSinceMs ??= nowMs;
    if (nowMs - this.#blockedSinceMs < linkTimeoutMs) {
      this.#scheduleDelivery(retryMs);
      return;
    }
    this.cut();
    const cause = new Error(
      `link ${this.#from.process.name} - ${this.#to.process.name} timed out after ${linkTimeoutMs} ms`,
    );
    this.#from.onBroken(cause);
    this.#to.onBroken(cause);
  }
}
