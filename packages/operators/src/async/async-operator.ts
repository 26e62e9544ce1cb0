import {
  assert,
  backoffMs,
  StreamError,
  type Barrier,
  type Failpoints,
  type JsonValue,
  type Random,
  type Turn,
} from "@millrace/core";
import type { AsyncSpec } from "@millrace/graph";

import type { Operator, OperatorContext } from "../operator.ts";
import { AnswerOutput } from "./answer-output.ts";
import { AsyncRequest, AsyncTry, type FailureReason, type Outcome } from "./async-request.ts";
import { CircuitBreaker, type BreakerState } from "./circuit-breaker.ts";
import { Deadlines } from "./deadlines.ts";
import { OrderedQueue, UnorderedQueue, type ElementQueue, type Mark } from "./element-queue.ts";
import { Fifo } from "./fifo.ts";
import { chooseInFlight, encodeInFlight } from "./in-flight-entries.ts";

/** What an async operator needs besides its context. */
export interface AsyncPorts {
  /** Says that there is something to do in a coming turn. */
  readonly wake: () => void;
  readonly random: Random;
  readonly turn: Turn;
  readonly failpoints: Failpoints;
}

/** Counters since the attempt began, gauges as of now. */
export interface AsyncCounts {
  /** Records that are asked for, wait for their next try, or were answered and not emitted. */
  readonly inFlight: number;
  readonly capacity: number;
  readonly retries: number;
  readonly timeouts: number;
  /** Records that were not asked for, as the breaker was open. */
  readonly notAsked: number;
  /** Absent: it has none. */
  readonly breaker?: BreakerState;
}

/**
 * Asks for each record and emits the answers (Flink's AsyncWaitOperator). Its task drives it:
 * watermarks, statuses and the end of input are handed to it as marks and come back from `release`
 * once all that came before them has left.
 *
 * I1 It holds no more than `capacity` requests, besides restored ones that are not asked yet: its task
 *    asks `room` before each record.
 * I2 A promise that settles only notes its outcome and wakes the task: all else happens in turns.
 * I3 A snapshot holds every record that was taken and whose results were not emitted, in the order
 *    in which they came, however far its request is (S8). They are asked again after a restore,
 *    before any new record; so a service may be asked twice, but each result is emitted once.
 * I4 No element leaves before a mark that came before it, nor after one that came after it (S12).
 * I5 Of a request that is settled nothing more is heard: late answers are dropped.
 */
export class AsyncOperator implements Operator {
  readonly #spec: AsyncSpec;
  readonly #ports: AsyncPorts;
  readonly #queue: ElementQueue;
  readonly #breaker: CircuitBreaker | undefined;
  readonly #deadlines: Deadlines;
  /** In the order in which their records came. */
  readonly #inFlight = new Set<AsyncRequest>();
  /** Of those in flight: restored and not asked yet, which may be more than there is capacity for. */
  readonly #restored = new Fifo<AsyncRequest>();
  /** Requests whose wait for the next try is over. */
  readonly #due = new Fifo<AsyncRequest>();
  /** Tries that have ended since the last turn. */
  #ended: AsyncTry[] = [];
  #context: OperatorContext | undefined;
  #answers: AnswerOutput | undefined;
  #retryCount = 0;
  #timeoutCount = 0;
  #notAskedCount = 0;
  #isOver = false;

  constructor(spec: AsyncSpec, ports: AsyncPorts) {
    this.#spec = spec;
    this.#ports = ports;
    this.#queue = spec.isOrdered ? new OrderedQueue() : new UnorderedQueue();
    const { circuitBreaker } = spec;
    this.#breaker = circuitBreaker === undefined ? undefined : new CircuitBreaker(circuitBreaker);
    this.#deadlines = new Deadlines(spec.capacity, ports.wake);
  }

  open(context: OperatorContext): void {
    this.#context = context;
    this.#answers = new AnswerOutput(this.#spec, context);
  }

  restoreList(entries: readonly JsonValue[]): Promise<void> {
    const context = this.#opened();
    if (this.#ports.failpoints.isActive("requests-not-restored")) return Promise.resolve();
    for (const one of chooseInFlight(entries, context, context.operatorName)) {
      this.#restored.push(this.#admit(one.record, one.timestampMs));
    }
    return Promise.resolve();
  }

  /** Takes a record, for which there is room. */
  onRecord(record: unknown, timestampMs: number): void {
    this.#begin(this.#admit(record, timestampMs));
  }

  /** Takes an element that is no record. */
  hold(mark: Mark): void {
    this.#queue.addMark(mark);
  }

  /** How many records it can take now. */
  room(): number {
    const { capacity } = this.#spec;
    // Marks are bounded too, as statuses may come without records between them.
    if (this.#queue.markCount > capacity) return 0;
    return Math.max(0, capacity - this.#inFlight.size);
  }

  /** Deals with what has happened since the last turn: outcomes and timeouts. */
  settle(): void {
    const ended = this.#ended;
    this.#ended = [];
    for (const one of ended) {
      const { outcome } = one;
      assert(outcome !== undefined, "a try that has ended has an outcome");
      this.#takeOutcome(one, outcome);
    }
    if (this.#spec.timeoutMs === undefined) return;
    const { clock } = this.#opened();
    const nowMs = clock.monotonicMs();
    for (;;) {
      const request = this.#deadlines.takeDue(nowMs);
      if (request === undefined) break;
      this.#timeOut(request);
    }
    this.#deadlines.schedule(clock);
  }

  /** Asks again for what is due, restored records first; false if it paused before all were. */
  askAgain(shouldPause: () => boolean): boolean {
    while (this.#inFlight.size - this.#restored.length < this.#spec.capacity) {
      const request = this.#restored.peek();
      if (request === undefined) break;
      if (shouldPause()) return false;
      this.#restored.shift();
      this.#begin(request);
    }
    while (this.#due.length > 0) {
      if (shouldPause()) return false;
      const request = this.#due.shift();
      if (request === undefined || request.isSettled()) continue;
      this.#retryCount += 1;
      this.#ask(request);
    }
    return true;
  }

  /**
   * Emits what may leave, up to a mark, which it returns; undefined if nothing more may leave, or
   * if it paused.
   */
  release(shouldPause: () => boolean): Mark | undefined {
    const answers = this.#answers;
    assert(answers !== undefined, "an async operator was used before open");
    while (!shouldPause()) {
      const element = this.#queue.take();
      if (element?.kind !== "request") return element;
      this.#inFlight.delete(element);
      answers.emit(element);
    }
    return undefined;
  }

  async prepareSnapshot(_barrier: Barrier): Promise<readonly JsonValue[]> {
    const owner = this.#opened();
    const records = [...this.#inFlight];
    const { operatorName } = owner;
    return encodeInFlight(records, { owner, operatorName, turn: this.#ports.turn });
  }

  counts(): AsyncCounts {
    const breaker = this.#breaker?.state();
    return {
      inFlight: this.#inFlight.size,
      capacity: this.#spec.capacity,
      retries: this.#retryCount,
      timeouts: this.#timeoutCount,
      notAsked: this.#notAskedCount,
      ...(breaker === undefined ? {} : { breaker }),
    };
  }

  /** Nothing more is wanted: the signals of all tries abort, and nothing is asked again. */
  abort(reason: unknown): void {
    this.#isOver = true;
    this.#deadlines[Symbol.dispose]();
    for (const { state } of this.#inFlight) {
      if (state.kind === "asked") state.attempt.abort(reason);
      if (state.kind === "waiting") state.timer[Symbol.dispose]();
    }
  }

  #admit(record: unknown, timestampMs: number): AsyncRequest {
    const request = new AsyncRequest(record, timestampMs);
    this.#inFlight.add(request);
    this.#queue.add(request);
    return request;
  }

  /** Makes the first try; the request's time begins. */
  #begin(request: AsyncRequest): void {
    const { timeoutMs } = this.#spec;
    if (timeoutMs !== undefined) {
      const { clock } = this.#opened();
      request.deadlineMs = clock.monotonicMs() + timeoutMs;
      this.#deadlines.add(request, clock);
    }
    this.#ask(request);
  }

  #ask(request: AsyncRequest): void {
    const { clock } = this.#opened();
    const ticket = this.#breaker?.admit(clock.monotonicMs());
    if (this.#breaker !== undefined && ticket === undefined) {
      this.#notAskedCount += 1;
      this.#giveUp(request, "not-asked", "the circuit breaker is open");
      return;
    }
    request.triesMade += 1;
    const attempt = new AsyncTry(request, ticket, clock);
    request.state = { kind: "asked", attempt };
    try {
      const answer: unknown = this.#spec.ask(request.record, attempt);
      // Two closures a record: there is no other way to hear of a promise.
      if (isPromise(answer)) answer.then(this.#onAnswer(attempt), this.#onError(attempt));
      else this.#noteOutcome(attempt, { isFailure: false, answer });
    } catch (error) {
      this.#noteOutcome(attempt, { isFailure: true, error });
    }
  }

  #onAnswer(attempt: AsyncTry): (answer: unknown) => void {
    return (answer) => this.#noteOutcome(attempt, { isFailure: false, answer });
  }

  #onError(attempt: AsyncTry): (error: unknown) => void {
    return (error) => this.#noteOutcome(attempt, { isFailure: true, error });
  }

  #noteOutcome(attempt: AsyncTry, outcome: Outcome): void {
    if (this.#isOver) return;
    attempt.outcome = outcome;
    this.#ended.push(attempt);
    this.#ports.wake();
  }

  #takeOutcome(attempt: AsyncTry, outcome: Outcome): void {
    const { request } = attempt;
    const { state } = request;
    if (state.kind !== "asked" || state.attempt !== attempt) return;
    this.#tellBreaker(attempt, outcome.isFailure);
    if (outcome.isFailure) this.#decideRetry(request, outcome.error);
    else this.#answer(request, outcome.answer);
  }

  #tellBreaker({ ticket }: AsyncTry, isFailure: boolean): void {
    if (ticket === undefined) return;
    this.#breaker?.onOutcome(ticket, isFailure, this.#opened().clock.monotonicMs());
  }

  #decideRetry(request: AsyncRequest, error: unknown): void {
    const { retry } = this.#spec;
    const isRetried =
      retry !== undefined &&
      request.triesMade < retry.maxAttempts &&
      (retry.retryOn?.(error, request.triesMade) ?? true);
    if (!isRetried) {
      if (this.#spec.failuresTo === undefined) throw error;
      this.#giveUp(request, "failed", messageOf(error));
      return;
    }
    const delayMs = backoffMs(retry, request.triesMade, this.#ports.random);
    const timer = this.#opened().clock.schedule(delayMs, () => {
      this.#due.push(request);
      this.#ports.wake();
    });
    request.state = { kind: "waiting", timer };
  }

  #timeOut(request: AsyncRequest): void {
    const { timeoutMs, onTimeout, failuresTo } = this.#spec;
    const { state, triesMade } = request;
    const tries = triesMade === 1 ? "one try" : `${triesMade} tries`;
    const message = `no answer within ${timeoutMs} ms, in ${tries}`;
    this.#timeoutCount += 1;
    if (state.kind === "waiting") state.timer[Symbol.dispose]();
    if (state.kind === "asked") {
      state.attempt.abort(this.#timeoutError(message));
      this.#tellBreaker(state.attempt, true);
    }
    if (onTimeout !== undefined) this.#answer(request, onTimeout(request.record));
    else if (failuresTo === undefined) throw this.#timeoutError(message);
    else this.#giveUp(request, "timed-out", message);
  }

  #timeoutError(message: string): StreamError {
    const { operatorName } = this.#opened();
    return new StreamError(
      "deadline-exceeded",
      `operator ${operatorName}: ${message}; give onTimeout or failuresTo to go on without it`,
      { domain: "external", retry: "backoff" },
    );
  }

  #answer(request: AsyncRequest, answer: unknown): void {
    request.state = { kind: "answered", answer };
    this.#queue.settle(request);
  }

  #giveUp(request: AsyncRequest, reason: FailureReason, message: string): void {
    request.state = { kind: "unanswered", reason, message };
    this.#queue.settle(request);
  }

  #opened(): OperatorContext {
    assert(this.#context !== undefined, "an async operator was used before open");
    return this.#context;
  }
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    "then" in value &&
    typeof value.then === "function"
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
