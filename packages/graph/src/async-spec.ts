import type { UserFunction } from "./stream-graph.ts";

/** Asks something outside for each record and emits the answers (Flink's AsyncWaitOperator). */
export interface AsyncSpec {
  readonly kind: "async-map";
  /** `(record, call) => answer or its promise`; `call` has `attempt`, `signal`, `sleep`. */
  readonly ask: UserFunction;
  /** Whether each answer is an iterable of results; otherwise it is the one result. */
  readonly isFlat: boolean;
  /** Whether results leave in the order of their records; otherwise as they come, between watermarks. */
  readonly isOrdered: boolean;
  /** Records that one subtask may hold: being asked for, or answered and not emitted. */
  readonly capacity: number;
  /** For a record with all of its tries; absent: as long as it takes. */
  readonly timeoutMs?: number;
  /** Absent: each record is tried once. */
  readonly retry?: AsyncRetrySpec;
  /** `(record) => answer`, for records that have timed out. */
  readonly onTimeout?: UserFunction;
  /** Takes records that have failed or timed out for good; absent: they fail the job. */
  readonly failuresTo?: string;
  readonly circuitBreaker?: CircuitBreakerSpec;
}

export interface AsyncRetrySpec {
  /** Tries in all, the first included. */
  readonly maxAttempts: number;
  /** The wait before the second try is half to all of it; each further one is twice as long. */
  readonly initialDelayMs: number;
  readonly maxDelayMs: number;
  /** `(error, attempt) => whether to try again`; absent: always. */
  readonly retryOn?: UserFunction<boolean>;
}

/** Stops asking a service that fails (the circuit breaker of Nygard's "Release It!"). */
export interface CircuitBreakerSpec {
  readonly trip:
    | { readonly kind: "in-a-row"; readonly failureCount: number }
    /** At least so much of 1 among the last tries, once there were so many. */
    | { readonly kind: "rate"; readonly rate: number; readonly tryCount: number };
  readonly openMs: number;
  /** Tries that are let through afterwards; if all succeed it closes, if one fails it opens again. */
  readonly probeCount: number;
  /** Takes records that were not asked for. */
  readonly to: string;
}
