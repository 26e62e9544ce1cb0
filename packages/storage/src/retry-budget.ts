import { sleep, type Clock } from "@millrace/core";

export interface RetryBudgetOptions {
  /** Tries again that may come at once. */
  readonly capacity: number;
  /** Tries again a second, over a longer time. */
  readonly perSecond: number;
}

/** Bounds how often things are tried again, all calls together. */
export interface RetryBudget {
  /** Returns when the next try may go; rejects with the signal's reason and then spends nothing. */
  spend(signal: AbortSignal): Promise<void>;
}

/**
 * Returns a token bucket: a store that fails for minutes sees, besides first tries, at most
 * `perSecond` requests more, whatever the number of callers (F10). Who finds it empty waits its turn;
 * the deadline of each call bounds that.
 */
export function createRetryBudget(clock: Clock, options: RetryBudgetOptions): RetryBudget {
  const { capacity, perSecond } = options;
  let tokens = capacity;
  let countedAtMs = clock.monotonicMs();
  const refill = (): void => {
    const nowMs = clock.monotonicMs();
    tokens = Math.min(capacity, tokens + ((nowMs - countedAtMs) * perSecond) / 1_000);
    countedAtMs = nowMs;
  };
  return {
    async spend(signal) {
      refill();
      tokens -= 1;
      if (tokens >= 0) return;
      try {
        await sleep(clock, (-tokens / perSecond) * 1_000, signal);
      } catch (caught) {
        tokens += 1;
        throw caught;
      }
    },
  };
}
