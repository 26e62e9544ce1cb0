import { assertNever, StreamError } from "@millrace/core";
import type { AggregatingStateSpec, ReducingStateSpec, StateSpec } from "@millrace/graph";
import type { MapState, TimeToLive, ValueState } from "@millrace/state";

import {
  checkedAdding,
  checkedList,
  checkedMap,
  checkedValue,
  checkOf,
  type AuthorList,
} from "./checked-handles.ts";
import { ListHandle } from "./list-handle.ts";
import { timeToLiveOf, type OperatorTimes } from "./time-to-live-of.ts";

/** Where states lie: in the backend, by key, or in what an operator keeps itself. */
export interface StateTables {
  valueState(name: string, ttl?: TimeToLive): ValueState<unknown>;
  mapState(name: string, ttl?: TimeToLive): MapState<unknown, unknown>;
}

/** What the author's functions get of a state; which, its declaration says. */
export type StateHandle = ValueHandle | AuthorList | MapHandle | AddingHandle;

export interface ValueHandle {
  get(): unknown;
  set(value: unknown): void;
  clear(): void;
  update(change: (value: unknown) => unknown): void;
}

export interface MapHandle extends MapState<unknown, unknown> {
  update(key: unknown, change: (value: unknown) => unknown): void;
  keys(): Iterable<unknown>;
  values(): Iterable<unknown>;
}

/** Of reducing and aggregating states. */
export interface AddingHandle {
  get(): unknown;
  add(value: unknown): void;
  clear(): void;
}

export interface DeclaredState {
  readonly operatorName: string;
  /** In the tables. */
  readonly name: string;
  /** As the author calls it: `state.seen`. */
  readonly path: string;
  readonly spec: StateSpec;
  readonly ttl: TimeToLive | undefined;
}

/** Returns the handles of an operator's states, by the names that they are declared under. */
export function createStateHandles(
  tables: StateTables,
  {
    operatorName,
    specs,
    times,
    group = "state",
  }: {
    readonly operatorName: string;
    readonly specs: Readonly<Record<string, StateSpec>>;
    readonly times: OperatorTimes;
    /** What the author's context calls them; those other than `state` have names of their own in the tables. */
    readonly group?: "state" | "globalState";
  },
): Readonly<Record<string, StateHandle>> {
  return Object.fromEntries(
    Object.entries(specs).map(([own, spec]) => {
      const ttl = spec.ttl === undefined ? undefined : timeToLiveOf(spec.ttl, times);
      const path = `${group}.${own}`;
      const name = group === "state" ? own : path;
      const declared = { operatorName, name, path, spec, ttl };
      return [own, createStateHandle(tables, declared)] as const;
    }),
  );
}

/** Returns the handle of a declared state: of the current key, whichever that is at a call. */
export function createStateHandle(tables: StateTables, declared: DeclaredState): StateHandle {
  const { operatorName, name, path, spec, ttl } = declared;
  const refuse = (call: string): StreamError => badCall(operatorName, `${path}.${call}`);
  const check = checkOf(spec, `a value for ${path} of operator ${operatorName}`);
  switch (spec.kind) {
    case "value":
      return checkedValue(createValue(tables.valueState(name, ttl), refuse), check);
    case "list":
      return checkedList(new ListHandle(tables, { name, ttl, refuse }), check);
    case "map":
      return checkedMap(createMap(tables.mapState(name, ttl), refuse), check);
    case "reducing":
      return checkedAdding(createReducing(tables.valueState(name, ttl), { spec, refuse }), check);
    case "aggregating":
      return checkedAdding(createAggregating(tables.valueState(name, ttl), spec), check);
    default:
      return assertNever(spec);
  }
}

/** Returns the error for a call of the author that cannot be. */
export function badCall(operatorName: string, what: string): StreamError {
  return new StreamError("invalid-argument", `operator ${operatorName}: ${what}`, {
    domain: "user",
    retry: "never",
  });
}

function createValue(
  state: ValueState<unknown>,
  refuse: (call: string) => StreamError,
): ValueHandle {
  const set = (value: unknown): void => {
    if (value !== undefined) state.set(value);
    else throw refuse("set(undefined): use clear() instead");
  };
  return {
    get: () => state.get(),
    set,
    clear: () => {
      state.clear();
    },
    update: (change) => {
      set(change(state.get()));
    },
  };
}

function createMap(
  state: MapState<unknown, unknown>,
  refuse: (call: string) => StreamError,
): MapHandle {
  const set = (key: unknown, value: unknown): void => {
    if (value !== undefined) state.set(key, value);
    else throw refuse("set(key, undefined): use delete(key) instead");
  };
  return {
    get: (key) => state.get(key),
    has: (key) => state.has(key),
    set,
    update: (key, change) => {
      set(key, change(state.get(key)));
    },
    delete: (key) => {
      state.delete(key);
    },
    clear: () => {
      state.clear();
    },
    isEmpty: () => state.isEmpty(),
    entries: () => state.entries(),
    *keys() {
      for (const [key] of state.entries()) yield key;
    },
    *values() {
      for (const [, value] of state.entries()) yield value;
    },
  };
}

function createReducing(
  state: ValueState<unknown>,
  {
    spec,
    refuse,
  }: { readonly spec: ReducingStateSpec; readonly refuse: (call: string) => StreamError },
): AddingHandle {
  return {
    get: () => state.get(),
    add(value) {
      const present = state.get();
      const next: unknown = present === undefined ? value : spec.reduce(present, value);
      if (next === undefined) throw refuse("add: what it comes to is undefined");
      state.set(next);
    },
    clear: () => {
      state.clear();
    },
  };
}

function createAggregating(
  state: ValueState<unknown>,
  { create, add, result }: AggregatingStateSpec,
): AddingHandle {
  return {
    get() {
      const accumulator = state.get();
      return accumulator === undefined ? undefined : result(accumulator);
    },
    add(value) {
      const cell = state.cellForUpdate();
      const accumulator: unknown = cell.value ?? create();
      cell.value = add(accumulator, value) ?? accumulator;
    },
    clear: () => {
      state.clear();
    },
  };
}
