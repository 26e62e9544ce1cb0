/**
 * Whether this coordinator still leads. Safety never rests on it: every transaction carries the
 * fence (S1). It is here so that a deposed leader stops talking to workers soon.
 */
import { StreamError, type Clock, type LeaderEpoch } from "@millrace/core";
import type { Leadership } from "@millrace/metadata";
import type { MetadataStore } from "@millrace/metadata";

export interface LeadershipGuard {
  readonly leaderEpoch: LeaderEpoch;
  /** Returns if this coordinator leads, as of now; else steps down and throws `stale`. */
  check(): Promise<void>;
  /** Looks every `periodMs` from now on, until it is disposed. */
  watch(periodMs: number): Disposable;
}

/** Returns the guard; `onDeposed` is called once, when another leader is found. */
export function createLeadershipGuard(options: {
  readonly leadership: Leadership;
  readonly store: MetadataStore;
  readonly clock: Clock;
  readonly onDeposed: () => void;
}): LeadershipGuard {
  const { leadership, store, clock } = options;
  let isDeposed = false;
  const check = async (): Promise<void> => {
    const entry = isDeposed ? undefined : await store.get(leadership.electionKey);
    if (entry?.createRevision === leadership.fence.equals) return;
    if (!isDeposed) {
      isDeposed = true;
      options.onDeposed();
    }
    throw new StreamError(
      "stale",
      `the coordinator of leader epoch ${leadership.leaderEpoch} is no longer the leader`,
      { domain: "external", retry: "never" },
    );
  };
  const watch = (periodMs: number): Disposable => {
    let timer: Disposable | undefined;
    const look = (): void => {
      timer = clock.schedule(periodMs, () => {
        // Both outcomes are dealt with here: a store that is away says nothing about who leads.
        void check().then(look, () => {
          if (!isDeposed) look();
        });
      });
    };
    look();
    return { [Symbol.dispose]: () => timer?.[Symbol.dispose]() };
  };
  return { leaderEpoch: leadership.leaderEpoch, check, watch };
}
