import { assert } from "@millrace/core";

import type { AsyncRequest } from "./async-request.ts";
import { Fifo } from "./fifo.ts";

/** An element that is no record and keeps its place between records. */
export type Mark =
  | { readonly kind: "watermark"; readonly watermarkMs: number }
  | { readonly kind: "status"; readonly isIdle: boolean }
  | { readonly kind: "end-of-input" };

/** Decides in which order elements leave (Flink's StreamElementQueue). */
export interface ElementQueue {
  add(request: AsyncRequest): void;
  addMark(mark: Mark): void;
  /** The request, which is in the queue, is settled. */
  settle(request: AsyncRequest): void;
  /** Removes and returns the next element that may leave now. */
  take(): AsyncRequest | Mark | undefined;
  readonly markCount: number;
}

/** Elements leave in the order in which they came: the head that is not settled holds all others. */
export class OrderedQueue implements ElementQueue {
  readonly #elements = new Fifo<AsyncRequest | Mark>();
  markCount = 0;

  add(request: AsyncRequest): void {
    this.#elements.push(request);
  }

  addMark(mark: Mark): void {
    const last = this.#elements.last();
    if (last !== undefined && isCovered(last, mark)) {
      this.#elements.replaceLast(mark);
      return;
    }
    this.#elements.push(mark);
    this.markCount += 1;
  }

  settle(): void {}

  take(): AsyncRequest | Mark | undefined {
    const head = this.#elements.peek();
    if (head === undefined || (head.kind === "request" && !head.isSettled())) return undefined;
    if (head.kind !== "request") this.markCount -= 1;
    return this.#elements.shift();
  }
}

/** Requests between two marks, and the mark behind them. */
interface Segment {
  openCount: number;
  /** Settled and not taken, as they came. */
  readonly settled: Fifo<AsyncRequest>;
  /** Absent: the segment takes further requests. */
  mark: Mark | undefined;
}

/**
 * Requests leave as they are settled, but none passes a mark: a watermark stays behind the records
 * that came before it, and before those that came after it.
 */
export class UnorderedQueue implements ElementQueue {
  readonly #segments = new Fifo<Segment>();
  readonly #segmentOf = new Map<AsyncRequest, Segment>();
  markCount = 0;

  add(request: AsyncRequest): void {
    const segment = this.#openSegment();
    segment.openCount += 1;
    this.#segmentOf.set(request, segment);
  }

  addMark(mark: Mark): void {
    const last = this.#segments.last();
    if (last?.mark !== undefined && isCovered(last.mark, mark)) {
      last.mark = mark;
      return;
    }
    this.#openSegment().mark = mark;
    this.markCount += 1;
  }

  settle(request: AsyncRequest): void {
    const segment = this.#segmentOf.get(request);
    assert(segment !== undefined, "a request that is settled is in the queue");
    this.#segmentOf.delete(request);
    segment.openCount -= 1;
    segment.settled.push(request);
  }

  take(): AsyncRequest | Mark | undefined {
    const first = this.#segments.peek();
    if (first === undefined) return undefined;
    const request = first.settled.shift();
    if (request !== undefined) return request;
    if (first.openCount > 0 || first.mark === undefined) return undefined;
    this.#segments.shift();
    this.markCount -= 1;
    return first.mark;
  }

  #openSegment(): Segment {
    const last = this.#segments.last();
    if (last !== undefined && last.mark === undefined) return last;
    const segment: Segment = { openCount: 0, settled: new Fifo(), mark: undefined };
    this.#segments.push(segment);
    return segment;
  }
}

/** Nothing lies between two watermarks, so the later one says it all. */
function isCovered(last: AsyncRequest | Mark, mark: Mark): boolean {
  return last.kind === "watermark" && mark.kind === "watermark";
}
