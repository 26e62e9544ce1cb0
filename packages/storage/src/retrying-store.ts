import {
  createDeadline,
  retry,
  StreamError,
  type RetryPolicy,
  type RetryPorts,
  type StreamErrorCode,
} from "@millrace/core";

import type { ObjectStore } from "./object-store.ts";
import { orAborted } from "./or-aborted.ts";
import { createRetryBudget, type RetryBudget, type RetryBudgetOptions } from "./retry-budget.ts";

export interface RetryingStoreOptions extends RetryPorts {
  /** For all tries of one call together. */
  readonly deadlineMs?: number;
  /** For one try: an answer that takes longer is given up and asked for again (F12). */
  readonly tryTimeoutMs?: number;
  readonly policy?: RetryPolicy;
  /** For all calls of this store together. */
  readonly budget?: RetryBudgetOptions;
}

/** Trying these again cannot help, whatever the store below says of them. */
const neverRetried: ReadonlySet<StreamErrorCode> = new Set<StreamErrorCode>([
  "access-denied",
  "already-exists",
  "bucket-not-found",
  "cancelled",
  "folder-not-writable",
  "internal",
  "invalid-argument",
  "not-found",
  "out-of-space",
  "tls-failed",
]);

/** Bytes may be damaged on their way; what is damaged in so many reads is damaged in the store. */
const maxCorruptReads = 3;

const defaultPolicy: RetryPolicy = { initialDelayMs: 50, maxDelayMs: 5_000 };
const defaultBudget: RetryBudgetOptions = { capacity: 20, perSecond: 10 };
const defaultDeadlineMs = 120_000;
const defaultTryTimeoutMs = 30_000;

/**
 * Returns the store with patience: what fails with `backoff` is tried again, with jitter, up to a
 * deadline. Then it throws `deadline-exceeded` that names the call and its last failure. By default a
 * try has 30 s, a call 2 min; waits grow from 50 ms to 5 s.
 *
 * I1 A put of unknown outcome is sent again under the same name with the same bytes: names are never
 *    used twice, so it makes no difference which of the two arrived (F11).
 * I2 Tries again of all calls together keep within a budget (20, then 10 a second), so that a store
 *    that fails does not get more to do (F10).
 * I3 Damaged bytes are read again twice, then `object-corrupt` is thrown (F13).
 * I4 Each try and each call end in time, also if the store below never answers (F12).
 * I5 Disposing it ends the calls that wait, with `cancelled`: a process that ends has nothing left.
 */
export function createRetryingObjectStore(
  store: ObjectStore,
  options: RetryingStoreOptions,
): ObjectStore {
  const budget = createRetryBudget(options.clock, options.budget ?? defaultBudget);
  const closed = new AbortController();
  const patiently = <Result>(
    what: string,
    operation: (signal: AbortSignal) => Promise<Result>,
    signal?: AbortSignal,
  ): Promise<Result> => {
    const ended = signal === undefined ? closed.signal : AbortSignal.any([signal, closed.signal]);
    return callPatiently({ what, operation, options, budget, signal: ended });
  };
  return {
    put: (name, parts, signal) =>
      patiently(`put of object ${name}`, (own) => store.put(name, parts, own), signal),
    get: (name, range, signal) =>
      patiently(`get of object ${name}`, (own) => store.get(name, range, own), signal),
    stat: (name) => patiently(`stat of object ${name}`, () => store.stat(name)),
    list: (prefix) => patiently(`list of objects ${prefix}*`, () => store.list(prefix)),
    remove: (names) => patiently(`removal of ${names.length} objects`, () => store.remove(names)),
    [Symbol.asyncDispose]: () => {
      closed.abort(storeClosed());
      return store[Symbol.asyncDispose]();
    },
  };
}

function storeClosed(): StreamError {
  const message = "the object store was closed";
  return new StreamError("cancelled", message, { domain: "internal", retry: "never" });
}

interface PatientCall<Result> {
  readonly what: string;
  readonly operation: (signal: AbortSignal) => Promise<Result>;
  readonly options: RetryingStoreOptions;
  readonly budget: RetryBudget;
  readonly signal: AbortSignal;
}

async function callPatiently<Result>(call: PatientCall<Result>): Promise<Result> {
  const { what, operation, options, budget, signal } = call;
  const afterMs = options.deadlineMs ?? defaultDeadlineMs;
  using deadline = createDeadline(options.clock, { afterMs, what, signal });
  let lastFailure: StreamError | undefined;
  let corruptReads = 0;
  const tryOnce = async (): Promise<Result> => {
    if (lastFailure !== undefined) await budget.spend(deadline.signal);
    try {
      return await callInTime(operation, what, options, deadline.signal);
    } catch (caught) {
      deadline.signal.throwIfAborted();
      const failure = StreamError.from(caught);
      if (failure.code === "object-corrupt") corruptReads += 1;
      lastFailure = judge(failure, corruptReads);
      throw lastFailure;
    }
  };
  try {
    return await retry(tryOnce, options.policy ?? defaultPolicy, options, deadline.signal);
  } catch (caught) {
    if (lastFailure === undefined || caught !== deadline.signal.reason) throw caught;
    if (signal.aborted) throw caught;
    throw new StreamError(
      "deadline-exceeded",
      `${what} did not succeed in ${afterMs} ms; last failure: ${lastFailure.message}`,
      { domain: "external", retry: "backoff", cause: lastFailure },
    );
  }
}

async function callInTime<Result>(
  operation: (signal: AbortSignal) => Promise<Result>,
  what: string,
  options: RetryingStoreOptions,
  signal: AbortSignal,
): Promise<Result> {
  const afterMs = options.tryTimeoutMs ?? defaultTryTimeoutMs;
  using deadline = createDeadline(options.clock, { afterMs, what: `one try of ${what}`, signal });
  return await orAborted(operation(deadline.signal), deadline.signal);
}

function judge(error: StreamError, corruptReads: number): StreamError {
  const isHopeless = neverRetried.has(error.code) || corruptReads >= maxCorruptReads;
  if (error.retry === "never" || !isHopeless) return error;
  const { code, message, domain } = error;
  const tries = code === "object-corrupt" ? `${message}, in ${corruptReads} reads` : message;
  return new StreamError(code, tries, { domain, retry: "never", cause: error });
}
