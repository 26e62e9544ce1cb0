/**
 * The metadata store as a leader uses it: reads that go on until they are answered, and fenced
 * transactions whose outcome is always known in the end.
 *
 * I1 Every transaction compares the election key's create revision (S1).
 * I2 An unknown outcome is never a failure: the marker is read back, and the same transaction is
 *    sent again until it is applied or refused (S3). That is safe because every transaction
 *    compares the revision of something that it writes.
 */
import { retry, StreamError, type RetryPolicy, type RetryPorts } from "@millrace/core";
import type {
  MetadataCompare,
  MetadataEntry,
  MetadataListing,
  MetadataStore,
  MetadataWrite,
} from "@millrace/metadata";

export interface FencedTransaction {
  /** Besides the fence. */
  readonly compares: readonly MetadataCompare[];
  readonly writes: readonly MetadataWrite[];
  /** The write that tells afterwards whether this transaction was applied: its value is unique. */
  readonly marker: { readonly key: string; readonly value: string };
  /** Only a planted bug sets it. */
  readonly isUnfenced?: boolean;
}

export type FencedResult =
  /** `revision` is the modRevision of what it wrote. */
  | { readonly kind: "applied"; readonly revision: bigint }
  /** A compare failed: the caller reads what is there, and asks whether it still leads. */
  | { readonly kind: "refused" };

export interface FencedMetadata {
  /** That this leader leads; in every transaction. */
  readonly fence: MetadataCompare;
  /** Returns the entry; waits for the store if it is unavailable. */
  get(key: string): Promise<MetadataEntry | undefined>;
  /** Returns the entries; waits for the store if it is unavailable. */
  list(prefix: string): Promise<MetadataListing>;
  /** Returns what became of the transaction, however long that takes. */
  transact(transaction: FencedTransaction): Promise<FencedResult>;
  /** Makes one try without a marker, for what may be lost: throws what the store throws. */
  transactOnce(transaction: Pick<FencedTransaction, "compares" | "writes">): Promise<boolean>;
  /** The highest revision seen so far. */
  lastRevision(): bigint;
}

export interface FencedMetadataOptions {
  readonly store: MetadataStore;
  readonly fence: MetadataCompare;
  readonly retryPorts: RetryPorts;
  readonly signal: AbortSignal;
  readonly onUnknown: (key: string) => void;
  readonly initialRevision: bigint;
}

const policy: RetryPolicy = { initialDelayMs: 50, maxDelayMs: 2_000 };

/** Returns the metadata store behind the leader's fence. */
export function createFencedMetadata(options: FencedMetadataOptions): FencedMetadata {
  const { store, fence, signal } = options;
  let lastRevision = options.initialRevision;
  const see = (revision: bigint): void => {
    if (revision > lastRevision) lastRevision = revision;
  };
  const fenced = (compares: readonly MetadataCompare[]): readonly MetadataCompare[] => [
    fence,
    ...compares.filter(({ key }) => key !== fence.key),
  ];
  const patiently = <Result>(read: () => Promise<Result>): Promise<Result> =>
    retry(() => withBackoff(read), policy, options.retryPorts, signal);
  const get = async (key: string): Promise<MetadataEntry | undefined> => {
    const entry = await patiently(() => store.get(key));
    if (entry !== undefined) see(entry.modRevision);
    return entry;
  };
  const findMarker = async (marker: FencedTransaction["marker"]): Promise<FencedResult> => {
    const entry = await get(marker.key);
    if (entry?.value !== marker.value) return { kind: "refused" };
    return { kind: "applied", revision: entry.modRevision };
  };
  const tryOnce = async (transaction: FencedTransaction): Promise<FencedResult> => {
    const { writes, marker } = transaction;
    const compares = transaction.isUnfenced === true ? [] : fenced(transaction.compares);
    try {
      const result = await store.transact({ compares, writes });
      see(result.revision);
      if (result.isApplied) return { kind: "applied", revision: result.revision };
    } catch (caught) {
      if (!StreamError.is(caught, "unknown-outcome", "deadline-exceeded")) throw caught;
      options.onUnknown(marker.key);
      const found = await findMarker(marker);
      if (found.kind === "applied") return found;
      // It may still be on its way: sent again, either one of the two is applied or none.
      throw unavailable(caught);
    }
    // An earlier try of unknown outcome may have been the one.
    return findMarker(marker);
  };
  return {
    fence,
    get,
    list: async (prefix) => {
      const listing = await patiently(() => store.list(prefix));
      see(listing.revision);
      return listing;
    },
    transact: (transaction) => patiently(() => tryOnce(transaction)),
    transactOnce: async ({ compares, writes }) => {
      const result = await store.transact({ compares: fenced(compares), writes });
      see(result.revision);
      return result.isApplied;
    },
    lastRevision: () => lastRevision,
  };
}

/** Whatever a store says of a call that it could not answer, asking again is right. */
async function withBackoff<Result>(operation: () => Promise<Result>): Promise<Result> {
  try {
    return await operation();
  } catch (caught) {
    if (StreamError.is(caught, "unavailable", "unknown-outcome", "deadline-exceeded")) {
      throw unavailable(caught);
    }
    throw caught;
  }
}

function unavailable(cause: StreamError): StreamError {
  const { message } = cause;
  return new StreamError("unavailable", message, { domain: "external", retry: "backoff", cause });
}
