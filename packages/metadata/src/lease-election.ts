/**
 * An election in which a leader stays until its lease ends: lease, transaction and watch (etcd's
 * concurrency recipe, with the create revision as the fencing token).
 *
 * I1 The election key is only made where it is absent, under this candidate's lease.
 * I2 An unknown outcome is read back; meanwhile only the same key under the same lease is tried
 *    again, so that at most one of the tries counts (S3).
 * I3 Nothing rests on the watch alone: it may be silent (F18), so the key is read every second.
 * I4 A candidate leads only while its lease cannot have ended by its own clock (F6): where winning
 *    took longer than that, the lease is proven anew first.
 */
import { sleep, StreamError } from "@millrace/core";

import { encodeElectionRecord, parseElectionRecord } from "./election-record.ts";
import {
  isPassing,
  leadershipOf,
  type CampaignOptions,
  type HeldLease,
  type Leadership,
} from "./leadership.ts";
import type { MetadataEntry, MetadataLeases } from "./metadata-store.ts";

const retryDelayMs = 200;
const pollMs = 1_000;

/** Returns leadership once no other candidate holds the key. */
export async function campaignForLease(
  options: CampaignOptions,
  leases: MetadataLeases,
  electionKey: string,
): Promise<Leadership> {
  const candidate = new Candidate(options, leases, electionKey);
  for (;;) {
    options.signal?.throwIfAborted();
    try {
      const won = await candidate.tryOnce();
      if (won !== undefined) return won;
    } catch (caught) {
      if (!isPassing(caught)) throw caught;
      options.onTrouble?.(caught);
      await sleep(options.clock, retryDelayMs, options.signal);
    }
  }
}

class Candidate {
  readonly #options: CampaignOptions;
  readonly #leases: MetadataLeases;
  readonly #electionKey: string;
  #lease: HeldLease | undefined;
  #toldIdentity: string | undefined;

  constructor(options: CampaignOptions, leases: MetadataLeases, electionKey: string) {
    this.#options = options;
    this.#leases = leases;
    this.#electionKey = electionKey;
  }

  /** Returns leadership, or nothing after the key has changed or a second has passed. */
  async tryOnce(): Promise<Leadership | undefined> {
    const { entries, revision } = await this.#options.store.list(this.#electionKey);
    const entry = entries.find(({ key }) => key === this.#electionKey);
    if (entry === undefined) return this.#take();
    if (parseElectionRecord(entry).identity === this.#options.identity) {
      // A try whose outcome stayed unknown has won.
      return this.#lease === undefined ? undefined : this.#lead(this.#lease, entry.createRevision);
    }
    await this.#standBy(entry);
    await this.#untilChanged(revision);
    return undefined;
  }

  async #take(): Promise<Leadership | undefined> {
    const { store, identity, address } = this.#options;
    const lease = this.#lease ?? (await this.#grant());
    this.#lease = lease;
    const value = encodeElectionRecord({ identity, address });
    try {
      const { isApplied, revision } = await store.transact({
        compares: [{ key: this.#electionKey, target: "createRevision", equals: 0n }],
        writes: [{ kind: "put", key: this.#electionKey, value, lease: lease.leaseId }],
      });
      return isApplied ? await this.#lead(lease, revision) : undefined;
    } catch (caught) {
      this.#forgetEnded(caught);
      return undefined;
    }
  }

  async #grant(): Promise<HeldLease> {
    const { clock, leaseMs } = this.#options;
    const provenAtMs = clock.monotonicMs();
    return { leaseId: await this.#leases.grant(leaseMs), ttlMs: leaseMs, provenAtMs };
  }

  /** Returns leadership under the lease; nothing if the lease has ended, or proving it took too long. */
  async #lead(lease: HeldLease, createRevision: bigint): Promise<Leadership | undefined> {
    const leadership = leadershipOf(this.#electionKey, createRevision);
    if (this.#isProven(lease)) return { ...leadership, lease };
    const provenAtMs = this.#options.clock.monotonicMs();
    try {
      // A lease that is still there has been there all the time, and so has its key.
      await this.#leases.keepAlive(lease.leaseId);
    } catch (caught) {
      this.#forgetEnded(caught);
      return undefined;
    }
    this.#lease = { ...lease, provenAtMs };
    return this.#isProven(this.#lease) ? { ...leadership, lease: this.#lease } : undefined;
  }

  /** Of a lease that ended meanwhile nothing counts any more; throws what says something else. */
  #forgetEnded(caught: unknown): void {
    if (!StreamError.is(caught, "not-found")) throw caught;
    this.#lease = undefined;
  }

  #isProven({ provenAtMs, ttlMs }: HeldLease): boolean {
    return this.#options.clock.monotonicMs() - provenAtMs < ttlMs;
  }

  /** Somebody else holds the key: no try of this candidate can win any more. */
  async #standBy(entry: MetadataEntry): Promise<void> {
    const leader = parseElectionRecord(entry);
    if (leader.identity !== this.#toldIdentity) {
      this.#toldIdentity = leader.identity;
      this.#options.onStandby?.(leader);
    }
    const lease = this.#lease;
    this.#lease = undefined;
    if (lease !== undefined) await this.#leases.revoke(lease.leaseId);
  }

  #untilChanged(afterRevision: bigint): Promise<void> {
    const { store, clock, signal, failpoints } = this.#options;
    const isWatchTrusted = failpoints?.isActive("election-trusts-watch") === true;
    return new Promise((resolve) => {
      const end = (): void => {
        timer[Symbol.dispose]();
        watch[Symbol.dispose]();
        signal?.removeEventListener("abort", end);
        resolve();
      };
      const timer = clock.schedule(isWatchTrusted ? Infinity : pollMs, end);
      const watch = store.watch(this.#electionKey, afterRevision, {
        onChange: (key) => {
          if (key === this.#electionKey) end();
        },
        onLost: () => {
          if (!isWatchTrusted) end();
        },
      });
      signal?.addEventListener("abort", end, { once: true });
    });
  }
}
