import { encodeCommittedCheckpoint, type CommittedCheckpoint } from "./committed-checkpoint.ts";

/** Equality of a key's revision, as the metadata store's transactions take it. */
export interface CommitCompare {
  readonly key: string;
  readonly target: "createRevision" | "modRevision";
  readonly equals: bigint;
}

export type CommitWrite =
  | { readonly kind: "put"; readonly key: string; readonly value: string }
  | { readonly kind: "delete"; readonly key: string };

/** Has the shape of a transaction of the metadata store, which is a level above. */
export interface CommitTransaction {
  readonly compares: readonly CommitCompare[];
  readonly writes: readonly CommitWrite[];
}

export interface CommitFacts {
  readonly checkpoint: CommittedCheckpoint;
  /** That the committer still leads. */
  readonly fence: CommitCompare;
  readonly attemptKey: string;
  readonly attemptRevision: bigint;
  readonly headKey: string;
  /** 0n: there is no head yet. */
  readonly headRevision: bigint;
  readonly checkpointKey: string;
  /** The attempt's pin on what it restored; its first commit ends it. */
  readonly pinKey?: string;
}

/** Returns the transaction that is the commit point of a checkpoint (S1). */
export function commitTransaction(facts: CommitFacts): CommitTransaction {
  const value = encodeCommittedCheckpoint(facts.checkpoint);
  return {
    compares: [
      facts.fence,
      { key: facts.attemptKey, target: "modRevision", equals: facts.attemptRevision },
      { key: facts.headKey, target: "modRevision", equals: facts.headRevision },
    ],
    writes: [
      { kind: "put", key: facts.headKey, value },
      { kind: "put", key: facts.checkpointKey, value },
      ...(facts.pinKey === undefined ? [] : [{ kind: "delete" as const, key: facts.pinKey }]),
    ],
  };
}
