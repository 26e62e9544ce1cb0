import { assert } from "@millrace/core";

import { hashText } from "./seeded-random.ts";

interface SimEvent {
  readonly atMs: number;
  readonly sequence: number;
  readonly label: string;
  isCancelled: boolean;
  readonly run: () => void;
}

/**
 * The simulation's one thread of events under virtual time.
 *
 * I1 Events run in the order of (virtual time, sequence); nothing else decides an order.
 * I2 After each event all microtasks are drained before the next one begins.
 * I3 The trace hash covers time and label of every event that ran: the same seed, the same hash.
 */
export class SimScheduler {
  #heap: SimEvent[] = [];
  #nowMs = 0;
  #sequence = 0;
  #traceHash = 0;
  #eventCount = 0;
  /** Called after each event; throws when an invariant is broken. */
  afterEvent: () => void = () => {};

  nowMs(): number {
    return this.#nowMs;
  }

  eventCount(): number {
    return this.#eventCount;
  }

  traceHash(): string {
    return this.#traceHash.toString(16).padStart(8, "0");
  }

  /** Runs the callback after the delay, unless disposed before. */
  schedule(delayMs: number, label: string, run: () => void): Disposable {
    assert(delayMs >= 0, `event ${label} is scheduled ${delayMs} ms from now`);
    const atMs = this.#nowMs + delayMs;
    const event = { atMs, sequence: this.#sequence, label, isCancelled: false, run };
    this.#sequence += 1;
    push(this.#heap, event);
    return {
      [Symbol.dispose]() {
        event.isCancelled = true;
      },
    };
  }

  /** Runs events until the condition holds or virtual time runs out; says which. */
  async runUntil(isDone: () => boolean, limitMs: number): Promise<"done" | "time" | "empty"> {
    while (!isDone()) {
      const event = pop(this.#heap);
      if (event === undefined) return "empty";
      if (event.isCancelled) continue;
      if (event.atMs > limitMs) {
        push(this.#heap, event);
        return "time";
      }
      this.#nowMs = event.atMs;
      this.#eventCount += 1;
      this.#trace(event);
      event.run();
      // A turn of the real loop drains every microtask; nothing else is pending on it.
      await new Promise(setImmediate);
      this.afterEvent();
    }
    return "done";
  }

  #trace(event: SimEvent): void {
    const step = hashText(`${event.atMs}:${event.label}`);
    this.#traceHash = (Math.imul(this.#traceHash, 31) ^ step) >>> 0;
  }
}

function isBefore(left: SimEvent, right: SimEvent): boolean {
  if (left.atMs !== right.atMs) return left.atMs < right.atMs;
  return left.sequence < right.sequence;
}

function push(heap: SimEvent[], event: SimEvent): void {
  let index = heap.length;
  heap.push(event);
  while (index > 0) {
    const parentIndex = (index - 1) >> 1;
    const parent = heap[parentIndex];
    if (parent === undefined || !isBefore(event, parent)) break;
    heap[index] = parent;
    index = parentIndex;
  }
  heap[index] = event;
}

function pop(heap: SimEvent[]): SimEvent | undefined {
  const first = heap[0];
  const last = heap.pop();
  if (first === undefined || last === undefined || heap.length === 0) return first;
  let index = 0;
  for (;;) {
    const child = smallerChild(heap, index);
    const event = heap[child];
    if (event === undefined || !isBefore(event, last)) break;
    heap[index] = event;
    index = child;
  }
  heap[index] = last;
  return first;
}

function smallerChild(heap: readonly SimEvent[], index: number): number {
  const left = heap[2 * index + 1];
  const right = heap[2 * index + 2];
  if (left === undefined || right === undefined) return 2 * index + 1;
  return isBefore(right, left) ? 2 * index + 2 : 2 * index + 1;
}
