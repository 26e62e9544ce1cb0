/**
 * A linearizable key-value store with revisions, transactions and watches: etcd's model (etcd v3
 * API). Revisions are those of the whole store and only grow.
 *
 * Every call may fail with `unavailable` (nothing happened) or `unknown-outcome` (it may have
 * happened: read back until it is known, S3). Reads never answer `unknown-outcome`.
 */
export interface MetadataStore extends AsyncDisposable {
  get(key: string): Promise<MetadataEntry | undefined>;
  /** Returns the entries whose keys begin with the prefix, by key, as of one revision. */
  list(prefix: string): Promise<MetadataListing>;
  /** Applies all writes if all compares hold, else none. The commit point of a checkpoint (S1). */
  transact(transaction: MetadataTransaction): Promise<TransactionResult>;
  /**
   * Calls back for changes under the prefix after the revision, in order. After `onLost` (compacted,
   * cancelled, disconnected) nothing else is called: list again, watch again (F18).
   */
  watch(prefix: string, afterRevision: bigint, handlers: WatchHandlers): Disposable;
  /** Absent where the store has none: one machine, where the newest coordinator leads. */
  readonly leases?: MetadataLeases;
}

/** Keys that go by themselves when nobody keeps their lease alive (etcd v3 API). */
export interface MetadataLeases {
  /** Returns the id of a new lease; a store may round the time up. */
  grant(ttlMs: number): Promise<bigint>;
  /** Starts the lease's time anew. Throws `not-found` if it is gone. */
  keepAlive(leaseId: bigint): Promise<void>;
  /** Ends the lease and deletes its keys; one that is gone is no error. */
  revoke(leaseId: bigint): Promise<void>;
}

export interface MetadataEntry {
  readonly key: string;
  readonly value: string;
  /** The revision that created the key; 0 stands for "absent" in a compare. */
  readonly createRevision: bigint;
  readonly modRevision: bigint;
}

export interface MetadataListing {
  readonly entries: readonly MetadataEntry[];
  readonly revision: bigint;
}

export interface MetadataTransaction {
  readonly compares: readonly MetadataCompare[];
  readonly writes: readonly MetadataWrite[];
}

/** Equality of a key's revision; 0n: the key is absent. */
export interface MetadataCompare {
  readonly key: string;
  readonly target: "createRevision" | "modRevision";
  readonly equals: bigint;
}

export type MetadataWrite =
  | {
      readonly kind: "put";
      readonly key: string;
      readonly value: string;
      /** The key goes with this lease; a lease that is gone fails the transaction with `not-found`. */
      readonly lease?: bigint;
    }
  | { readonly kind: "delete"; readonly key: string };

export interface TransactionResult {
  readonly isApplied: boolean;
  /** The store's revision after the transaction; the modRevision of what it wrote. */
  readonly revision: bigint;
}

export interface WatchHandlers {
  onChange(key: string, entry: MetadataEntry | undefined): void;
  onLost(cause: Error): void;
}
