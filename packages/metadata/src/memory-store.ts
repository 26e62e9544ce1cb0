import { StreamError, type Clock } from "@millrace/core";

import { checkTransaction } from "./check-transaction.ts";
import { leaseNotFound, MemoryLeases } from "./memory-leases.ts";
import type {
  MetadataCompare,
  MetadataEntry,
  MetadataStore,
  MetadataTransaction,
  MetadataWrite,
  TransactionResult,
  WatchHandlers,
} from "./metadata-store.ts";

/** A watch that is further behind is lost, as in etcd after a compaction (F18). */
const keptRevisions = 10_000n;

interface Watcher {
  readonly prefix: string;
  readonly handlers: WatchHandlers;
  toldRevision: bigint;
}

/**
 * Returns a metadata store in memory; its operations take effect when they are called, watches are
 * told in a microtask. It has leases if it is given a clock.
 */
export function createMemoryMetadataStore(options: { readonly clock?: Clock } = {}): MetadataStore {
  const store = new MemoryStore(options.clock);
  const { leases } = store;
  return {
    ...(leases === undefined ? {} : { leases }),
    get: async (key) => store.entries.get(key),
    list: async (prefix) => ({
      entries: [...store.entries.values()]
        .filter(({ key }) => key.startsWith(prefix))
        .toSorted((left, right) => (left.key < right.key ? -1 : 1)),
      revision: store.revision,
    }),
    transact: async (transaction) => store.transact(transaction),
    watch(prefix, afterRevision, handlers) {
      return store.watch({ prefix, handlers, toldRevision: afterRevision });
    },
    [Symbol.asyncDispose]: () => {
      store.watchers.clear();
      leases?.[Symbol.dispose]();
      return Promise.resolve();
    },
  };
}

class MemoryStore {
  readonly entries = new Map<string, MetadataEntry>();
  readonly watchers = new Set<Watcher>();
  readonly leases: MemoryLeases | undefined;
  revision = 0n;
  /** By revision; the older half of it goes when it is twice as long as it must be. */
  #history: { readonly revision: bigint; readonly key: string }[] = [];
  #isTellScheduled = false;

  constructor(clock: Clock | undefined) {
    if (clock === undefined) return;
    this.leases = new MemoryLeases(clock, (keys) => {
      this.transact({ compares: [], writes: keys.map((key) => ({ kind: "delete", key })) });
    });
  }

  transact(transaction: MetadataTransaction): TransactionResult {
    checkTransaction(transaction);
    const { compares, writes } = transaction;
    this.#checkLeases(writes);
    const isApplied = compares.every((compare) => holds(compare, this.entries.get(compare.key)));
    if (isApplied && writes.length > 0) {
      this.revision += 1n;
      for (const write of writes) this.#write(write);
      this.#forget();
      this.#scheduleTell();
    }
    return { isApplied, revision: this.revision };
  }

  watch(watcher: Watcher): Disposable {
    this.watchers.add(watcher);
    this.#scheduleTell();
    return { [Symbol.dispose]: () => void this.watchers.delete(watcher) };
  }

  #checkLeases(writes: readonly MetadataWrite[]): void {
    for (const write of writes) {
      if (write.kind !== "put" || write.lease === undefined) continue;
      if (this.leases?.has(write.lease) !== true) throw leaseNotFound(write.lease);
    }
  }

  #write(change: MetadataWrite): void {
    const { key } = change;
    this.#history.push({ revision: this.revision, key });
    this.leases?.bind(key, change.kind === "put" ? change.lease : undefined);
    if (change.kind === "delete") {
      this.entries.delete(key);
      return;
    }
    const createRevision = this.entries.get(key)?.createRevision ?? this.revision;
    const modRevision = this.revision;
    this.entries.set(key, { key, value: change.value, createRevision, modRevision });
  }

  #forget(): void {
    const first = this.#history[0];
    if (first === undefined || first.revision > this.revision - 2n * keptRevisions) return;
    this.#history = this.#history.filter(
      ({ revision }) => revision > this.revision - keptRevisions,
    );
  }

  /** In a microtask of its own, so that a handler may use the store. */
  #scheduleTell(): void {
    if (this.#isTellScheduled) return;
    this.#isTellScheduled = true;
    queueMicrotask(() => {
      this.#isTellScheduled = false;
      for (const watcher of this.watchers) this.#tell(watcher);
    });
  }

  #tell(watcher: Watcher): void {
    const { prefix, handlers, toldRevision } = watcher;
    if (toldRevision < this.revision - keptRevisions) {
      this.watchers.delete(watcher);
      handlers.onLost(watchLost(prefix, toldRevision));
      return;
    }
    watcher.toldRevision = this.revision;
    for (const key of this.#changedKeys(prefix, toldRevision)) {
      if (this.watchers.has(watcher)) handlers.onChange(key, this.entries.get(key));
    }
  }

  /** In the order of their last changes. */
  #changedKeys(prefix: string, afterRevision: bigint): readonly string[] {
    const keys = new Set<string>();
    for (let index = this.#history.length - 1; index >= 0; index -= 1) {
      const change = this.#history[index];
      if (change === undefined || change.revision <= afterRevision) break;
      if (change.key.startsWith(prefix)) keys.add(change.key);
    }
    return [...keys].toReversed();
  }
}

/** Whether a compare holds for what is stored under its key. */
export function holds(compare: MetadataCompare, entry: MetadataEntry | undefined): boolean {
  return (entry?.[compare.target] ?? 0n) === compare.equals;
}

/** Returns the cause of a watch that ended because what it asks for is forgotten. */
export function watchLost(prefix: string, afterRevision: bigint): StreamError {
  return new StreamError(
    "unavailable",
    `watch of ${prefix}*: changes after revision ${afterRevision} are forgotten; list again`,
    { domain: "external", retry: "backoff" },
  );
}
