import { keyHash } from "@millrace/core";
import type {
  KeyedBackend,
  MapState,
  PaneJoin,
  PaneState,
  TimeDomain,
  TimerState,
  TimeToLive,
  ValueState,
} from "@millrace/state";

import { entriesIn, type TestEntry } from "./test-entries.ts";

/**
 * Keyed state in plain maps, to test operators alone; keys are compared by their JSON. `copy` is a
 * restore: dropped panes come back, as they do from deltas that were written before the drop.
 */
export class TestBackend implements KeyedBackend {
  readonly #values = new Map<string, Map<string, TestEntry>>();
  readonly #maps = new Map<string, Map<string, Map<string, TestEntry>>>();
  /** By the name of their state. */
  readonly #panes = new Map<string, Panes>();
  readonly #dropped = new Map<string, Panes>();
  readonly #timersOf = {
    "event-time": new Map<string, Timer>(),
    "processing-time": new Map<string, Timer>(),
  } as const satisfies Record<TimeDomain, Map<string, Timer>>;
  #key: unknown;
  #hash = 0;

  setCurrentKey(key: unknown, hash: number): void {
    this.#key = key;
    this.#hash = hash;
  }

  currentKey(): unknown {
    return this.#key;
  }

  lookAhead(): void {
    // Maps are looked up as they are.
  }

  // The contract hands out handles of the type that the operator names; there is no checking it.
  valueState<Value>(name: string, ttl?: TimeToLive): ValueState<Value> {
    const values = this.#values.get(name) ?? new Map<string, TestEntry>();
    this.#values.set(name, values);
    const entries = entriesIn(() => values, ttl);
    const get = (): Value | undefined => {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- named by the caller
      return entries.read(this.#name()) as Value | undefined;
    };
    const set = (value: Value | undefined): void => {
      if (value === undefined) values.delete(this.#name());
      else entries.write(this.#name(), this.#key, value);
    };
    return {
      get,
      set,
      clear: () => void values.delete(this.#name()),
      cellForUpdate: () => ({
        get value() {
          return get();
        },
        set value(value) {
          set(value);
        },
      }),
    };
  }

  mapState<MapKey, Value>(name: string, ttl?: TimeToLive): MapState<MapKey, Value> {
    const maps = this.#maps.get(name) ?? new Map<string, Map<string, TestEntry>>();
    this.#maps.set(name, maps);
    const current = (): Map<string, TestEntry> => {
      const map = maps.get(this.#name()) ?? new Map<string, TestEntry>();
      maps.set(this.#name(), map);
      return map;
    };
    const entries = entriesIn(current, ttl);
    const state: MapState<unknown, unknown> = {
      get: (key) => entries.read(nameOf(key)),
      has: (key) => entries.read(nameOf(key)) !== undefined,
      set: (key, value) => entries.write(nameOf(key), key, value),
      delete: (key) => void current().delete(nameOf(key)),
      clear: () => current().clear(),
      isEmpty: () => entries.isEmpty(),
      entries: () => entries.all(),
    };
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- named by the caller
    return state as MapState<MapKey, Value>;
  }

  paneState<Value>(name: string): PaneState<Value> {
    const live = panesOf(this.#panes, name);
    const state: PaneState<unknown> = {
      get: (pane) => live.get(pane)?.get(this.#name())?.value,
      cellForUpdate: (pane) => this.#cell(live, pane),
      forEachKey: (pane, visit) => {
        for (const { key, hash, value } of live.get(pane)?.values() ?? []) {
          visit(key, hash, value);
        }
      },
      join: (panes) => joinPanes(live, panes),
      panes: () => [...live.keys()].toSorted((left, right) => left - right),
      dropPane: (pane) => {
        const cells = live.get(pane);
        if (cells !== undefined) panesOf(this.#dropped, name).set(pane, cells);
        live.delete(pane);
      },
    };
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- named by the caller
    return state as PaneState<Value>;
  }

  forEachKey(stateName: string, visit: (key: unknown) => void): void {
    const values = [...(this.#values.get(stateName)?.values() ?? [])].map(({ key }) => key);
    const maps = [...(this.#maps.get(stateName) ?? [])].filter(([, entries]) => entries.size > 0);
    for (const key of [...values, ...maps.map(([name]): unknown => JSON.parse(name))]) {
      this.setCurrentKey(key, keyHash(key));
      visit(key);
    }
  }

  timers(domain: TimeDomain = "event-time"): TimerState {
    const timers = this.#timersOf[domain];
    return {
      register: (timeMs) => {
        timers.set(`${timeMs} ${this.#name()}`, { timeMs, key: this.#key, hash: this.#hash });
      },
      remove: (timeMs) => void timers.delete(`${timeMs} ${this.#name()}`),
      nextTimeMs: () => Math.min(...[...timers.values()].map(({ timeMs }) => timeMs)),
      popDue: (reachedMs) => {
        const next = Math.min(...[...timers.values()].map(({ timeMs }) => timeMs));
        const due = [...timers].find(([, { timeMs }]) => timeMs === next);
        if (due === undefined || next > reachedMs) return undefined;
        timers.delete(due[0]);
        return due[1];
      },
    };
  }

  /** Returns what a restore of a snapshot taken now gives. */
  copy(): TestBackend {
    const copy = new TestBackend();
    for (const [name, values] of this.#values) copy.#values.set(name, structuredClone(values));
    for (const [name, maps] of this.#maps) copy.#maps.set(name, structuredClone(maps));
    for (const domain of ["event-time", "processing-time"] as const) {
      for (const [name, timer] of this.#timersOf[domain]) copy.#timersOf[domain].set(name, timer);
    }
    for (const [name, panes] of [...this.#dropped, ...this.#panes]) {
      for (const [pane, cells] of panes) {
        panesOf(copy.#panes, name).set(pane, structuredClone(cells));
      }
    }
    return copy;
  }

  cellCount(): number {
    const entries = [...this.#maps.values()].flatMap((maps) => [...maps.values()]);
    const panes = [...this.#panes.values()].flatMap((each) => [...each.values()]);
    const maps = [...this.#values.values(), ...entries, ...panes];
    return [...maps, ...Object.values(this.#timersOf)].reduce((count, map) => count + map.size, 0);
  }

  beginSnapshot(): never {
    throw new Error("the test backend is copied, not snapshotted");
  }

  restoreBlock(): never {
    throw new Error("the test backend is copied, not restored");
  }

  finishRestore(): void {}

  #name(): string {
    return nameOf(this.#key);
  }

  #cell(panes: Panes, pane: number): Cell {
    const cells = panes.get(pane) ?? new Map<string, Cell>();
    panes.set(pane, cells);
    const cell = cells.get(this.#name()) ?? { key: this.#key, hash: this.#hash, value: undefined };
    cells.set(this.#name(), cell);
    return cell;
  }
}

function nameOf(key: unknown): string {
  return JSON.stringify(key) ?? "undefined";
}

interface Timer {
  readonly timeMs: number;
  readonly key: unknown;
  readonly hash: number;
}

interface Cell {
  readonly key: unknown;
  readonly hash: number;
  value: unknown;
}

/** Cells by pane and key. */
type Panes = Map<number, Map<string, Cell>>;

function panesOf(all: Map<string, Panes>, name: string): Panes {
  const panes: Panes = all.get(name) ?? new Map<number, Map<string, Cell>>();
  all.set(name, panes);
  return panes;
}

/** All keys as if they were of one group. */
function joinPanes(live: Panes, panes: readonly number[]): PaneJoin<unknown> {
  const cells = panes.flatMap((pane) => [...(live.get(pane)?.values() ?? [])]);
  const names = cells.map(({ key }) => JSON.stringify(key) ?? "undefined");
  const slots = [...new Set(names)];
  const cellOf = (slot: number): Cell | undefined => cells[names.indexOf(slots[slot] ?? "")];
  let index = -1;
  let groupCount = 0;
  return {
    nextGroup: () => (groupCount += 1) === 1 && cells.length > 0,
    next: () => (index += 1) < cells.length,
    get value() {
      return cells[index]?.value;
    },
    get slot() {
      return slots.indexOf(names[index] ?? "");
    },
    keyAt: (slot) => cellOf(slot)?.key,
    hashAt: (slot) => cellOf(slot)?.hash ?? 0,
  };
}
