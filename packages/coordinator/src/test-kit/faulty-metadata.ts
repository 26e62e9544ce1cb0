import { StreamError } from "@millrace/core";
import type {
  MetadataEntry,
  MetadataLeases,
  MetadataListing,
  MetadataStore,
  MetadataTransaction,
  TransactionResult,
  WatchHandlers,
} from "@millrace/metadata";

/** What becomes of the next transaction: its request or its response is lost, or it is held. */
export type TransactionFault =
  | { readonly kind: "lost-request" }
  | { readonly kind: "lost-response" }
  | { readonly kind: "unavailable" }
  | { readonly kind: "out-of-space" }
  /** It waits for the promise, then runs. */
  | { readonly kind: "held"; readonly until: Promise<void> };

/** A metadata store of which a test spoils chosen transactions. */
export class FaultyMetadata implements MetadataStore {
  readonly #store: MetadataStore;
  readonly leases?: MetadataLeases;
  readonly #granted = new Set<bigint>();
  #cut: ReadonlySet<bigint> = new Set();
  /** Returns what happens to a transaction; undefined: nothing. */
  decideFault: (transaction: MetadataTransaction) => TransactionFault | undefined = () => undefined;

  constructor(store: MetadataStore) {
    this.#store = store;
    if (store.leases !== undefined) this.leases = this.#watchOver(store.leases);
  }

  /** From now on the leases that were granted so far cannot be kept alive. */
  cutLeases(): void {
    this.#cut = new Set(this.#granted);
  }

  get(key: string): Promise<MetadataEntry | undefined> {
    return this.#store.get(key);
  }

  list(prefix: string): Promise<MetadataListing> {
    return this.#store.list(prefix);
  }

  async transact(transaction: MetadataTransaction): Promise<TransactionResult> {
    const fault = this.decideFault(transaction);
    switch (fault?.kind) {
      case "lost-request":
        throw failure("unknown-outcome");
      case "lost-response":
        await this.#store.transact(transaction);
        throw failure("unknown-outcome");
      case "unavailable":
      case "out-of-space":
        throw failure(fault.kind);
      case "held":
        await fault.until;
        break;
      case undefined:
        break;
    }
    return this.#store.transact(transaction);
  }

  watch(prefix: string, afterRevision: bigint, handlers: WatchHandlers): Disposable {
    return this.#store.watch(prefix, afterRevision, handlers);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  #watchOver(leases: MetadataLeases): MetadataLeases {
    return {
      grant: async (ttlMs) => {
        const leaseId = await leases.grant(ttlMs);
        this.#granted.add(leaseId);
        return leaseId;
      },
      keepAlive: (leaseId) =>
        this.#cut.has(leaseId) ? Promise.reject(failure("unavailable")) : leases.keepAlive(leaseId),
      revoke: (leaseId) => leases.revoke(leaseId),
    };
  }
}

function failure(code: "unknown-outcome" | "unavailable" | "out-of-space"): StreamError {
  return new StreamError(code, "the test says so", { domain: "external", retry: "backoff" });
}
