import { assert, assertNever, StreamError } from "@millrace/core";
import type { AsyncSpec } from "@millrace/graph";

import type { OperatorContext, Output } from "../operator.ts";
import type { AsyncRequest, FailureReason } from "./async-request.ts";

/** What a side output gets of a record without an answer; the API declares it as FailedRequest. */
interface Unanswered {
  readonly record: unknown;
  readonly reason: FailureReason;
  readonly message: string;
  readonly attempts: number;
}

/** Where what became of a request goes: its answer, or the record without one. */
export class AnswerOutput {
  readonly #isFlat: boolean;
  readonly #operatorName: string;
  readonly #answers: Output;
  readonly #failures: Output | undefined;
  readonly #refused: Output | undefined;

  constructor(
    {
      isFlat,
      failuresTo,
      circuitBreaker,
    }: Pick<AsyncSpec, "isFlat" | "failuresTo" | "circuitBreaker">,
    {
      operatorName,
      output,
      sideOutput,
    }: Pick<OperatorContext, "operatorName" | "output" | "sideOutput">,
  ) {
    this.#isFlat = isFlat;
    this.#operatorName = operatorName;
    this.#answers = output;
    if (failuresTo !== undefined) this.#failures = sideOutput(failuresTo);
    if (circuitBreaker !== undefined) this.#refused = sideOutput(circuitBreaker.to);
  }

  /** Emits what a settled request has come to; throws `user-function-failed` on no list of results. */
  emit(request: AsyncRequest): void {
    const { state, timestampMs } = request;
    switch (state.kind) {
      case "answered":
        this.#emitAnswer(state.answer, timestampMs);
        return;
      case "unanswered": {
        const { reason, message } = state;
        const { record, triesMade: attempts } = request;
        const unanswered: Unanswered = { record, reason, message, attempts };
        const to = reason === "not-asked" ? this.#refused : this.#failures;
        to?.emit(unanswered, timestampMs);
        return;
      }
      case "asked":
      case "waiting":
        assert(false, "only what is settled leaves the queue");
        return;
      default:
        assertNever(state);
    }
  }

  #emitAnswer(answer: unknown, timestampMs: number): void {
    if (!this.#isFlat) {
      this.#answers.emit(answer, timestampMs);
      return;
    }
    if (!isIterable(answer)) {
      throw new StreamError(
        "user-function-failed",
        `operator ${this.#operatorName}: its answer is not iterable: return the results in an array, or use asyncMap for one result`,
        { domain: "user", retry: "never" },
      );
    }
    for (const result of answer) this.#answers.emit(result, timestampMs);
  }
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.iterator in value;
}
