import { sleep } from "@millrace/core";

import { encodeElectionRecord, parseElectionRecord } from "./election-record.ts";
import { isPassing, leadershipOf, type CampaignOptions, type Leadership } from "./leadership.ts";
import { campaignForLease } from "./lease-election.ts";
import type { MetadataCompare } from "./metadata-store.ts";

const retryDelayMs = 200;

/**
 * Returns leadership. Where the store has leases, one leads while its lease lives, and others stand
 * by. Without leases (one machine) it is taken over from whoever had it: the newest start leads, and
 * the older one's transactions fail on their fence. Tries until it wins or the signal aborts; throws
 * what no waiting heals, such as refused credentials.
 */
export async function campaign(options: CampaignOptions): Promise<Leadership> {
  const { store, clock, prefix, signal } = options;
  const electionKey = `${prefix}election`;
  if (store.leases !== undefined) return campaignForLease(options, store.leases, electionKey);
  for (;;) {
    signal?.throwIfAborted();
    try {
      const won = await tryOnce(options, electionKey);
      if (won !== undefined) return won;
    } catch (caught) {
      if (!isPassing(caught)) throw caught;
      options.onTrouble?.(caught);
    }
    await sleep(clock, retryDelayMs, signal);
  }
}

/** The key is deleted and made again, so that its create revision is the new epoch. */
async function tryOnce(
  { store, identity, address }: CampaignOptions,
  electionKey: string,
): Promise<Leadership | undefined> {
  const before = await store.get(electionKey);
  // A try whose outcome stayed unknown may have won.
  if (before !== undefined && parseElectionRecord(before).identity === identity) {
    return leadershipOf(electionKey, before.createRevision);
  }
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
    writes: [{ kind: "put", key: electionKey, value: encodeElectionRecord({ identity, address }) }],
  });
  return taken.isApplied ? leadershipOf(electionKey, taken.revision) : undefined;
}
