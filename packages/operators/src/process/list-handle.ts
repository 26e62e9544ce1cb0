import type { StreamError } from "@millrace/core";
import type { TimeToLive, ValueState } from "@millrace/state";

import type { StateTables } from "./state-handles.ts";

interface ListHandleOptions {
  readonly name: string;
  readonly ttl: TimeToLive | undefined;
  /** Returns the error for a call that cannot be. */
  readonly refuse: (call: string) => StreamError;
}

/** With a time to live: each element has its stamp, and they ascend. */
interface StampedList {
  readonly stamps: number[];
  readonly items: unknown[];
}

const nothing: readonly unknown[] = Object.freeze([]);

/**
 * What the author's functions get of a `list` state: one cell for the whole list.
 *
 * I1 What `get` handed out does not change afterwards: it may be on its way to another operator.
 * I2 With a time to live each element expires by itself; what is expired is not handed out.
 */
export class ListHandle {
  readonly #state: ValueState<unknown>;
  readonly #ttl: TimeToLive | undefined;
  readonly #refuse: (call: string) => StreamError;
  readonly #handedOut = new WeakSet<object>();

  constructor(tables: Pick<StateTables, "valueState">, { name, ttl, refuse }: ListHandleOptions) {
    const cellTtl = ttl === undefined ? undefined : { ...ttl, cellsByMs: ttl.passedMs };
    this.#state = tables.valueState(name, cellTtl);
    this.#ttl = ttl;
    this.#refuse = refuse;
  }

  get(): readonly unknown[] {
    const ttl = this.#ttl;
    if (ttl?.refreshesOnRead === true) this.#refresh(ttl);
    const value = this.#state.get();
    if (value === undefined) return nothing;
    const { stamps, items } = this.#listOf(value);
    const from = ttl === undefined ? 0 : aliveFrom(stamps, { ttl, timeMs: ttl.nowMs() });
    if (from > 0) return items.slice(from);
    this.#handedOut.add(items);
    return items;
  }

  add(value: unknown): void {
    if (value === undefined) throw this.#refuse("add(undefined): a list holds values");
    const cell = this.#state.cellForUpdate();
    const list = this.#ownList(cell.value);
    this.#append(list, value);
    cell.value = this.#encode(list);
  }

  addAll(values: Iterable<unknown>): void {
    // Read first: what gives the values may use this state.
    const added = [...values];
    if (added.includes(undefined)) throw this.#refuse("addAll of undefined: a list holds values");
    if (added.length === 0) return;
    const cell = this.#state.cellForUpdate();
    const list = this.#ownList(cell.value);
    for (const value of added) this.#append(list, value);
    cell.value = this.#encode(list);
  }

  /** Replaces the list. */
  set(values: Iterable<unknown>): void {
    const all = [...values];
    this.#state.clear();
    this.addAll(all);
  }

  clear(): void {
    this.#state.clear();
  }

  /** Returns the list of the cell, to be changed: not what was handed out, nor what is expired. */
  #ownList(value: unknown): StampedList {
    if (value === undefined) return { stamps: [], items: [] };
    const ttl = this.#ttl;
    const { stamps, items } = this.#listOf(value);
    if (ttl === undefined)
      return { stamps: [], items: this.#handedOut.has(items) ? [...items] : items };
    // Elements from a time when the state had no time to live.
    while (stamps.length < items.length) stamps.push(ttl.nowMs());
    const from = aliveFrom(stamps, { ttl, timeMs: ttl.passedMs() });
    if (from === 0 && !this.#handedOut.has(items)) return { stamps, items };
    return { stamps: stamps.slice(from), items: items.slice(from) };
  }

  #append({ stamps, items }: StampedList, value: unknown): void {
    items.push(value);
    const ttl = this.#ttl;
    if (ttl !== undefined) stamps.push(Math.max(ttl.nowMs(), stamps.at(-1) ?? -Infinity));
  }

  #encode(list: StampedList): unknown {
    return this.#ttl === undefined ? list.items : list;
  }

  /** Returns the list of a cell in whichever form it is: its time to live may be new, or gone. */
  #listOf(value: unknown): StampedList {
    if (Array.isArray(value)) return { stamps: [], items: value };
    if (isStampedList(value)) return value;
    throw this.#refuse("get(): the checkpoint has a state of another kind by this name");
  }

  /** Reading counts as writing all that is alive. */
  #refresh(ttl: TimeToLive): void {
    if (this.#state.get() === undefined) return;
    const cell = this.#state.cellForUpdate();
    const { stamps, items } = this.#ownList(cell.value);
    const timeMs = ttl.nowMs();
    const from = aliveFrom(stamps, { ttl, timeMs });
    const refreshed = stamps.map((stampMs, index) =>
      index < from ? stampMs : Math.max(stampMs, timeMs),
    );
    cell.value = { stamps: refreshed, items };
  }
}

function isStampedList(value: unknown): value is StampedList {
  if (typeof value !== "object" || value === null) return false;
  return (
    "stamps" in value &&
    Array.isArray(value.stamps) &&
    "items" in value &&
    Array.isArray(value.items)
  );
}

/** Returns the index of the first element that is not expired at the time. */
function aliveFrom(
  stamps: readonly number[],
  { ttl, timeMs }: { readonly ttl: TimeToLive; readonly timeMs: number },
): number {
  if (timeMs === -Infinity) return 0;
  let from = 0;
  while (from < stamps.length && timeMs >= (stamps[from] ?? 0) + ttl.afterMs) from += 1;
  return from;
}
