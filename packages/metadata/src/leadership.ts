import {
  parseLeaderEpoch,
  StreamError,
  type Clock,
  type Failpoints,
  type LeaderEpoch,
} from "@millrace/core";

import type { ElectionRecord } from "./election-record.ts";
import type { MetadataCompare, MetadataStore } from "./metadata-store.ts";

/** What a leader holds: its epoch, and the compare that every transaction of its carries (S1). */
export interface Leadership {
  readonly leaderEpoch: LeaderEpoch;
  readonly electionKey: string;
  readonly fence: MetadataCompare;
  /** Where the store has leases: the one that holds the election key. */
  readonly lease?: HeldLease;
}

export interface HeldLease {
  readonly leaseId: bigint;
  readonly ttlMs: number;
  /** Monotonic time at which the lease's time began at the latest: before it was asked for. */
  readonly provenAtMs: number;
}

export interface CampaignOptions {
  readonly store: MetadataStore;
  readonly clock: Clock;
  /** Before the key `election`. */
  readonly prefix: string;
  /** New for each start of a coordinator; by it an unknown outcome is read back (S3). */
  readonly identity: string;
  /** `host:port` at which others reach this coordinator. */
  readonly address: string;
  /** How long a leader that does not report stays leader, where the store has leases. */
  readonly leaseMs: number;
  /** Somebody else leads: this coordinator stands by. Called for each leader that it sees. */
  readonly onStandby?: (leader: ElectionRecord) => void;
  /** The store did not answer a try; the next one follows. */
  readonly onTrouble?: (error: StreamError) => void;
  readonly signal?: AbortSignal;
  readonly failpoints?: Failpoints;
}

/**
 * Whether a call that failed so may succeed later. A full etcd passes too: if candidates gave up over
 * it, none would be there once there is space again (F19).
 */
export function isPassing(error: unknown): error is StreamError {
  if (StreamError.is(error, "out-of-space")) return error.retry === "backoff";
  return StreamError.is(error, "unavailable", "unknown-outcome", "deadline-exceeded");
}

/** Returns what the holder of an election key with this create revision has. */
export function leadershipOf(electionKey: string, createRevision: bigint): Leadership {
  return {
    leaderEpoch: parseLeaderEpoch(createRevision),
    electionKey,
    fence: { key: electionKey, target: "createRevision", equals: createRevision },
  };
}
