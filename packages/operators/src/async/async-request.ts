import { parseDuration, sleep, type Clock } from "@millrace/core";

import type { BreakerTicket } from "./circuit-breaker.ts";

/** Why a record has no answer. */
export type FailureReason = "failed" | "timed-out" | "not-asked";

export type RequestState =
  /** One of its tries runs. */
  | { readonly kind: "asked"; readonly attempt: AsyncTry }
  /** The next try waits for its time. */
  | { readonly kind: "waiting"; readonly timer: Disposable }
  | { readonly kind: "answered"; readonly answer: unknown }
  | { readonly kind: "unanswered"; readonly reason: FailureReason; readonly message: string };

/** What a request is before its first try, and while it is decided how it goes on. */
const undecided: RequestState = { kind: "waiting", timer: { [Symbol.dispose]: () => {} } };

/** A record for which an answer is sought, through all of its tries. */
export class AsyncRequest {
  readonly kind = "request";
  readonly record: unknown;
  readonly timestampMs: number;
  /** On the monotonic clock, set with the first try; Infinity without a timeout. */
  deadlineMs: number = Infinity;
  state: RequestState = undecided;
  /** Tries that were begun. */
  triesMade = 0;

  constructor(record: unknown, timestampMs: number) {
    this.record = record;
    this.timestampMs = timestampMs;
  }

  isSettled(): boolean {
    return this.state.kind === "answered" || this.state.kind === "unanswered";
  }
}

/** How a try ended, as it came in. */
export type Outcome =
  | { readonly isFailure: false; readonly answer: unknown }
  | { readonly isFailure: true; readonly error: unknown };

/**
 * One try; the author's function gets it as its second argument. What few functions use is made when
 * it is first asked for: a controller alone costs more than the rest of the request.
 */
export class AsyncTry {
  readonly attempt: number;
  readonly #clock: Clock;
  readonly request: AsyncRequest;
  readonly ticket: BreakerTicket | undefined;
  #controller: AbortController | undefined;
  #abortReason: { readonly reason: unknown } | undefined;
  /** Set once, by the promise. */
  outcome: Outcome | undefined;

  constructor(request: AsyncRequest, ticket: BreakerTicket | undefined, clock: Clock) {
    this.request = request;
    this.attempt = request.triesMade;
    this.ticket = ticket;
    this.#clock = clock;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#abortReason !== undefined) this.#controller.abort(this.#abortReason.reason);
    return this.#controller.signal;
  }

  /** Not a method: authors take it out of the object. */
  get sleep(): (duration: string) => Promise<void> {
    return (duration) => sleep(this.#clock, parseDuration(duration), this.signal);
  }

  abort(reason: unknown): void {
    this.#abortReason ??= { reason };
    this.#controller?.abort(reason);
  }
}
