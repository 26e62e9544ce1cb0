import { parseDuration, type Duration } from "@millrace/core";
import type { AsyncSpec, CircuitBreakerSpec, UserFunction } from "@millrace/graph";

import type { ParallelismOptions } from "./data-stream.ts";
import { requireName, type GraphBuilder } from "./graph-builder.ts";
import type { TagFor } from "./process.ts";

/** What the function of `asyncMap` gets beside its record. */
export interface AsyncCall {
  /** 1 for the first try of the record; counts from 1 again after a restore. */
  readonly attempt: number;
  /** Aborts when the record has timed out, and when the job fails here: hand it to `fetch`. */
  readonly signal: AbortSignal;
  /** Returns after the time on the job's clock, which is virtual in a simulation; throws when the signal aborts. */
  readonly sleep: (duration: Duration) => Promise<void>;
}

/** A record without an answer, as side outputs get it. */
export interface FailedRequest<T> {
  readonly record: T;
  /** `not-asked`: the circuit breaker was open, at the first try or at a later one. */
  readonly reason: "failed" | "timed-out" | "not-asked";
  /** What the last try threw, or what else happened, in words. */
  readonly message: string;
  /** Tries that were made since the record came or was restored. */
  readonly attempts: number;
}

export interface RetryOptions {
  /** Tries in all, the first included. */
  readonly maxAttempts: number;
  /** The wait before the next try: doubled with each, and of that a random share from half to all. */
  readonly backoff?: {
    /** Before the second try; 100 ms unless set. */
    readonly initial?: Duration;
    /** 10 seconds unless set, or `initial` if that is longer. */
    readonly max?: Duration;
  };
  /** Whether to try again after what try number `attempt` threw; always unless set. */
  readonly retryOn?: (error: unknown, attempt: number) => boolean;
}

/** When a service is no longer asked. Each subtask has a breaker of its own, closed at first. */
export type CircuitBreakerOptions<T> = {
  /** For how long nothing is asked; 10 seconds unless set. */
  readonly openFor?: Duration;
  /** Tries that are let through then: all must succeed to close it again; 1 unless set. */
  readonly probes?: number;
  /** Takes the records that are not asked for. */
  readonly to: TagFor<FailedRequest<T>>;
} & (
  | {
      /** Tries that fail in a row; 5 unless set. */
      readonly failures?: number;
    }
  | {
      /** The share of the last tries that fail, above 0 and up to 1. */
      readonly failureRate: number;
      /** How many of the last tries that is of; 100 unless set. It stays closed before so many. */
      readonly window?: number;
    }
);

export interface AsyncOptions<T, R> extends ParallelismOptions {
  /** Records that a subtask has in flight at most; then it reads no more. 100 unless set. */
  readonly capacity?: number;
  /**
   * `ordered`: results leave in the order of their records. `unordered`: as they come, but never
   * across a watermark. Ordered unless set.
   */
  readonly order?: "ordered" | "unordered";
  /** For a record, over all of its tries and the waits between them; none unless set. */
  readonly timeout?: Duration;
  /** Without it each record is tried once. */
  readonly retry?: RetryOptions;
  /** Called in place of failing when a record has timed out; what it returns is emitted. */
  readonly onTimeout?: (record: T) => R;
  /** Takes records that failed or timed out for good; without it such a record fails the job. */
  readonly failuresTo?: TagFor<FailedRequest<T>>;
  readonly circuitBreaker?: CircuitBreakerOptions<T>;
}

/** What is left of the options without their types. */
type ErasedOptions = AsyncOptions<never, unknown>;

/** Adds the operator; returns the id of its node. */
export function addAsyncMap(
  builder: GraphBuilder,
  place: { readonly input: number; readonly name: string },
  asked: { readonly ask: UserFunction; readonly isFlat: boolean },
  options: ErasedOptions,
): number {
  requireName(place.name, "asyncMap");
  const { capacity = 100, order = "ordered", timeout, retry, onTimeout } = options;
  const { failuresTo, circuitBreaker, parallelism } = options;
  const spec: AsyncSpec = {
    kind: "async-map",
    ...asked,
    isOrdered: order === "ordered",
    capacity,
    ...(timeout === undefined ? {} : { timeoutMs: parseDuration(timeout) }),
    ...(retry === undefined ? {} : { retry: toRetry(retry) }),
    ...(onTimeout === undefined ? {} : { onTimeout }),
    ...(failuresTo === undefined ? {} : { failuresTo: failuresTo.name }),
    ...(circuitBreaker === undefined ? {} : { circuitBreaker: toBreaker(circuitBreaker) }),
  };
  return builder.add(spec, { inputs: [place.input], name: place.name, parallelism });
}

function toRetry({ maxAttempts, backoff, retryOn }: RetryOptions): NonNullable<AsyncSpec["retry"]> {
  const initialDelayMs = parseDuration(backoff?.initial ?? "100 ms");
  const maxDelayMs =
    backoff?.max === undefined ? Math.max(10_000, initialDelayMs) : parseDuration(backoff.max);
  return {
    maxAttempts,
    initialDelayMs,
    maxDelayMs,
    ...(retryOn === undefined ? {} : { retryOn }),
  };
}

function toBreaker(options: CircuitBreakerOptions<never>): CircuitBreakerSpec {
  const { openFor = "10 seconds", probes = 1, to } = options;
  return {
    trip:
      "failureRate" in options
        ? { kind: "rate", rate: options.failureRate, tryCount: options.window ?? 100 }
        : { kind: "in-a-row", failureCount: options.failures ?? 5 },
    openMs: parseDuration(openFor),
    probeCount: probes,
    to: to.name,
  };
}
