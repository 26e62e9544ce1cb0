import { assertNever } from "@millrace/core";

import type { StateSpec } from "./state-spec.ts";

/** A value, and the event time at which it was written or, where that counts, read last. */
interface Entry {
  value: unknown;
  atMs: number;
}

/** What says whether an entry is still there, and keeps it. */
interface Life {
  /** Returns the value of an entry that is alive. */
  peek(entry: Entry | undefined): unknown;
  /** The same, and counts it as reading. */
  read(entry: Entry | undefined): unknown;
  write(value: unknown, before?: Entry): Entry;
}

/**
 * Returns the states of one key as an author's functions see them, in plain arrays and maps: what a
 * spec means, which the reference interpreter runs on and tests hold the real handles against. Time
 * goes by event time; by processing time nothing expires.
 */
export function createStateModel(
  specs: Readonly<Record<string, StateSpec>>,
  nowMs: () => number,
): Readonly<Record<string, object>> {
  return Object.fromEntries(
    Object.entries(specs).map(([name, spec]) => {
      const check: Check = (value) =>
        spec.check === undefined ? value : spec.check(value, `a value for the state ${name}`);
      return [name, createState(spec, lifeOf(spec, nowMs), check)];
    }),
  );
}

function lifeOf({ ttl }: StateSpec, nowMs: () => number): Life {
  const afterMs = ttl?.by === "event-time" ? ttl.afterMs : Infinity;
  const peek = (entry: Entry | undefined): unknown =>
    entry === undefined || nowMs() >= entry.atMs + afterMs ? undefined : entry.value;
  return {
    peek,
    read(entry) {
      const value = peek(entry);
      if (entry === undefined || value === undefined) return undefined;
      if (ttl?.refresh === "read-and-write") entry.atMs = Math.max(entry.atMs, nowMs());
      return value;
    },
    write: (value, before) => ({ value, atMs: Math.max(before?.atMs ?? -Infinity, nowMs()) }),
  };
}

/** Returns what is written of a value. */
type Check = (value: unknown) => unknown;

function createState(spec: StateSpec, life: Life, check: Check): object {
  const write: Life["write"] = (value, before) => life.write(check(value), before);
  switch (spec.kind) {
    case "value":
      return createValue({ ...life, write });
    case "list":
      return createList({ ...life, write });
    case "map":
      return createMap({ ...life, write });
    case "reducing": {
      const { get, set, clear } = createValue(life);
      return {
        get,
        clear,
        add: (unchecked: unknown) => {
          const added = check(unchecked);
          const present = get();
          set(present === undefined ? added : spec.reduce(present, added));
        },
      };
    }
    case "aggregating": {
      const { get, set, clear } = createValue(life);
      return {
        get: () => {
          const accumulator = get();
          return accumulator === undefined ? undefined : spec.result(accumulator);
        },
        clear,
        add: (unchecked: unknown) => {
          const added = check(unchecked);
          const accumulator: unknown = get() ?? spec.create();
          set(spec.add(accumulator, added) ?? accumulator);
        },
      };
    }
    default:
      return assertNever(spec);
  }
}

function createValue(life: Life) {
  let entry: Entry | undefined;
  const get = (): unknown => life.read(entry);
  const set = (value: unknown): void => {
    entry = life.write(value, entry);
  };
  return {
    get,
    set,
    clear: (): void => {
      entry = undefined;
    },
    update: (change: (value: unknown) => unknown): void => set(change(get())),
  };
}

function createList(life: Life) {
  let entries: Entry[] = [];
  const add = (value: unknown): void => void entries.push(life.write(value, entries.at(-1)));
  return {
    get: () => entries.map((entry) => life.read(entry)).filter((value) => value !== undefined),
    add,
    addAll: (values: Iterable<unknown>) => {
      for (const value of values) add(value);
    },
    set: (values: Iterable<unknown>) => {
      const all = [...values];
      entries = [];
      for (const value of all) add(value);
    },
    clear: () => {
      entries = [];
    },
  };
}

function createMap(life: Life) {
  const entries = new Map<string, { readonly key: unknown; entry: Entry }>();
  const nameOf = (key: unknown): string => `${typeof key}:${JSON.stringify(key)}`;
  const get = (key: unknown): unknown => life.read(entries.get(nameOf(key))?.entry);
  const set = (key: unknown, value: unknown): void => {
    const entry = life.write(value, entries.get(nameOf(key))?.entry);
    entries.set(nameOf(key), { key, entry });
  };
  const alive = (): readonly (readonly [unknown, unknown])[] =>
    [...entries.values()]
      .map(({ key, entry }) => [key, life.read(entry)] as const)
      .filter(([, value]) => value !== undefined);
  return {
    get,
    set,
    has: (key: unknown) => get(key) !== undefined,
    delete: (key: unknown) => void entries.delete(nameOf(key)),
    update: (key: unknown, change: (value: unknown) => unknown) => set(key, change(get(key))),
    clear: () => entries.clear(),
    isEmpty: () => [...entries.values()].every(({ entry }) => life.peek(entry) === undefined),
    entries: alive,
    keys: () => alive().map(([key]) => key),
    values: () => alive().map(([, value]) => value),
  };
}
