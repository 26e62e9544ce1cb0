import type {
  MetadataCompare,
  MetadataEntry,
  MetadataStore,
  MetadataTransaction,
  MetadataWrite,
  WatchHandlers,
} from "./metadata-store.ts";

interface Watcher {
  readonly prefix: string;
  readonly handlers: WatchHandlers;
}

/** Returns a metadata store in memory; its operations take effect when they are called. */
export function createMemoryMetadataStore(): MetadataStore {
  const entries = new Map<string, MetadataEntry>();
  const history: { readonly revision: bigint; readonly key: string }[] = [];
  const watchers = new Set<Watcher>();
  let revision = 0n;

  const write = (change: MetadataWrite): void => {
    const before = entries.get(change.key);
    if (change.kind === "delete") entries.delete(change.key);
    else {
      const createRevision = before?.createRevision ?? revision;
      const entry = { key: change.key, value: change.value, createRevision, modRevision: revision };
      entries.set(change.key, entry);
    }
    history.push({ revision, key: change.key });
  };
  const notify = (keys: ReadonlySet<string>): void => {
    for (const { prefix, handlers } of watchers) {
      for (const key of keys) if (key.startsWith(prefix)) handlers.onChange(key, entries.get(key));
    }
  };
  return {
    get: async (key) => entries.get(key),
    list: async (prefix) => ({
      entries: [...entries.values()]
        .filter(({ key }) => key.startsWith(prefix))
        .toSorted((left, right) => (left.key < right.key ? -1 : 1)),
      revision,
    }),
    async transact({ compares, writes }: MetadataTransaction) {
      if (!compares.every((compare) => holds(compare, entries.get(compare.key)))) {
        return { isApplied: false, revision };
      }
      if (writes.length > 0) revision += 1n;
      for (const change of writes) write(change);
      notify(new Set(writes.map(({ key }) => key)));
      return { isApplied: true, revision };
    },
    watch(prefix, afterRevision, handlers) {
      const missed = history.filter((change) => change.revision > afterRevision);
      for (const key of new Set(missed.map((change) => change.key))) {
        if (key.startsWith(prefix)) handlers.onChange(key, entries.get(key));
      }
      const watcher = { prefix, handlers };
      watchers.add(watcher);
      return { [Symbol.dispose]: () => void watchers.delete(watcher) };
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Whether a compare holds for what is stored under its key. */
export function holds(compare: MetadataCompare, entry: MetadataEntry | undefined): boolean {
  return (entry?.[compare.target] ?? 0n) === compare.equals;
}
