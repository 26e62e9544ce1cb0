import { parseLeaderEpoch, sleep, StreamError, type Clock, type LeaderEpoch } from "@millrace/core";

import type { MetadataCompare, MetadataStore } from "./metadata-store.ts";

/** What a leader holds: its epoch, and the compare that every transaction of its carries (S1). */
export interface Leadership {
  readonly leaderEpoch: LeaderEpoch;
  readonly electionKey: string;
  readonly fence: MetadataCompare;
}

export interface CampaignOptions {
  readonly store: MetadataStore;
  readonly clock: Clock;
  /** Before the key `election`. */
  readonly prefix: string;
  /** New for each start of a coordinator; by it an unknown outcome is read back (S3). */
  readonly identity: string;
  readonly signal?: AbortSignal;
}

const retryDelayMs = 200;

/**
 * Returns leadership, taken over from whoever had it: without leases (one machine) the newest start
 * leads, and the older one's transactions fail on their fence. The key is deleted and made again, so
 * that its create revision is the new epoch. Tries until it wins or the signal aborts.
 */
export async function campaign(options: CampaignOptions): Promise<Leadership> {
  const { store, clock, prefix, identity, signal } = options;
  const electionKey = `${prefix}election`;
  for (;;) {
    signal?.throwIfAborted();
    try {
      const won = await tryOnce(store, electionKey, identity);
      if (won !== undefined) return won;
    } catch (caught) {
      if (!StreamError.is(caught, "unavailable", "unknown-outcome", "deadline-exceeded")) {
        throw caught;
      }
    }
    await sleep(clock, retryDelayMs, signal);
  }
}

async function tryOnce(
  store: MetadataStore,
  electionKey: string,
  identity: string,
): Promise<Leadership | undefined> {
  const before = await store.get(electionKey);
  // A try whose outcome stayed unknown may have won.
  if (before?.value === identity) return leadershipOf(electionKey, before.createRevision);
  const equals = before?.modRevision ?? 0n;
  const unchanged: MetadataCompare = { key: electionKey, target: "modRevision", equals };
  if (before !== undefined) {
    // Two steps: a key that one transaction deletes and puts keeps no new create revision in etcd.
    const removed = await store.transact({
      compares: [unchanged],
      writes: [{ kind: "delete", key: electionKey }],
    });
    if (!removed.isApplied) return undefined;
  }
  const taken = await store.transact({
    compares: [{ key: electionKey, target: "createRevision", equals: 0n }],
    writes: [{ kind: "put", key: electionKey, value: identity }],
  });
  return taken.isApplied ? leadershipOf(electionKey, taken.revision) : undefined;
}

function leadershipOf(electionKey: string, createRevision: bigint): Leadership {
  return {
    leaderEpoch: parseLeaderEpoch(createRevision),
    electionKey,
    fence: { key: electionKey, target: "createRevision", equals: createRevision },
  };
}
