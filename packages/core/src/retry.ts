import { StreamError } from "./error.ts";
import { sleep, type Clock } from "./ports/clock.ts";
import { randomFraction, type Random } from "./ports/random.ts";

/** How often and how patiently something is tried again. */
export interface RetryPolicy {
  /** Tries in all, the first included; absent means until the signal aborts. */
  readonly maxTries?: number;
  /** The wait before the second try; each further one is twice as long. */
  readonly initialDelayMs: number;
  readonly maxDelayMs: number;
}

export interface RetryPorts {
  readonly clock: Clock;
  readonly random: Random;
  /** Called before each wait. */
  readonly onRetry?: (error: StreamError, delayMs: number) => void;
}

/**
 * Returns what the operation returns, trying again as long as its error says `backoff`. Between
 * tries it waits with full jitter from half to all of the policy's delay. Throws the last error, or
 * the signal's reason. Writes may be passed only if repeating them is harmless.
 */
export async function retry<Result>(
  operation: () => Promise<Result>,
  policy: RetryPolicy,
  ports: RetryPorts,
  signal?: AbortSignal,
): Promise<Result> {
  for (let triesMade = 1; ; triesMade += 1) {
    signal?.throwIfAborted();
    try {
      return await operation();
    } catch (caught) {
      signal?.throwIfAborted();
      const error = StreamError.from(caught);
      if (error.retry === "never" || triesMade >= (policy.maxTries ?? Infinity)) throw error;
      const delayMs = backoffMs(policy, triesMade, ports.random);
      ports.onRetry?.(error, delayMs);
      await sleep(ports.clock, delayMs, signal);
    }
  }
}

/** Returns the wait after the nth try in a row that failed, from 1: half to all of its delay. */
export function backoffMs(
  policy: Pick<RetryPolicy, "initialDelayMs" | "maxDelayMs">,
  failedTries: number,
  random: Random,
): number {
  const doublings = Math.min(failedTries - 1, 32);
  const fullMs = Math.min(policy.initialDelayMs * 2 ** doublings, policy.maxDelayMs);
  return fullMs * (0.5 + randomFraction(random) / 2);
}

/**
 * Returns a signal that aborts with `deadline-exceeded` after the time, or with the outer signal's
 * reason. Dispose it when the work is over: it holds a timer.
 */
export function createDeadline(
  clock: Clock,
  options: { readonly afterMs: number; readonly what: string; readonly signal?: AbortSignal },
): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const outer = options.signal;
  const follow = (): void => controller.abort(outer?.reason);
  const timer = clock.schedule(options.afterMs, () => {
    controller.abort(
      new StreamError("deadline-exceeded", `${options.what} took over ${options.afterMs} ms`, {
        domain: "external",
        retry: "backoff",
      }),
    );
  });
  if (outer?.aborted === true) follow();
  outer?.addEventListener("abort", follow, { once: true });
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      timer[Symbol.dispose]();
      outer?.removeEventListener("abort", follow);
    },
  };
}
