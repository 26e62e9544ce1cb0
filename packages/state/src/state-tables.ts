import { assert, decodeFailed, StreamError, type KeyGroupRange } from "@millrace/core";

import { timerStateNames } from "./block-format.ts";
import { CellTable, type CellTableOptions, type StateKind } from "./cell.ts";
import type { TimeDomain, ValueState } from "./contract.ts";
import { ExpiringValueState } from "./expiring-value-state.ts";
import type { HeapBackend } from "./heap-backend.ts";
import { HeapMapState } from "./heap-map-state.ts";
import { HeapPaneState } from "./heap-pane-state.ts";
import { HeapTimerState } from "./heap-timer-state.ts";
import { HeapValueState } from "./heap-value-state.ts";
import { MapTable } from "./map-table.ts";
import { NumberTable } from "./number-table.ts";
import type { TimeToLive } from "./time-to-live.ts";

export interface StateTablesOptions {
  readonly operatorName: string;
  readonly groups: KeyGroupRange;
  readonly maxParallelism: number;
  /** Keeps numbers in typed arrays instead of cells; the blocks are the same. Default true. */
  readonly usesNumberTables?: boolean;
}

const plainNamespace = 0;
/** The states of a backend by name, and their tables. A name is of one kind. */
export class StateTables {
  readonly #options: StateTablesOptions;
  readonly #backend: HeapBackend;
  readonly #values = new Map<string, CellTable>();
  readonly #valueStates = new Map<string, ValueState<unknown>>();
  readonly #maps = new Map<string, MapTable>();
  readonly #mapStates = new Map<string, HeapMapState>();
  readonly #panes = new Map<string, HeapPaneState<unknown>>();
  readonly #eventTimers: HeapTimerState;
  readonly #processingTimers: HeapTimerState;
  readonly #kinds = new Map<string, StateKind>();
  /** Of the plain states: as an array, as it is gone through often. */
  readonly numberTables: NumberTable[] = [];
  /** Those with a time to live. */
  readonly expiring: CellTable[] = [];
  /** The states by pane, as `numberTables`. */
  readonly paneStates: HeapPaneState<unknown>[] = [];

  constructor(options: StateTablesOptions, backend: HeapBackend) {
    this.#options = options;
    this.#backend = backend;
    this.#eventTimers = new HeapTimerState(backend, timerStateNames["event-time"]);
    this.#processingTimers = new HeapTimerState(backend, timerStateNames["processing-time"]);
  }

  valueState(name: string, ttl: TimeToLive | undefined): ValueState<unknown> {
    let state = this.#valueStates.get(name);
    if (state === undefined) {
      const table = this.valueTable(name, ttl);
      assert(table.ttl === ttl, `state ${name} got its time to live after it was restored`);
      state =
        ttl === undefined
          ? new HeapValueState(this.#backend, table)
          : new ExpiringValueState(this.#backend, table, ttl);
      this.#valueStates.set(name, state);
    }
    return state;
  }

  mapState(name: string, ttl: TimeToLive | undefined): HeapMapState {
    let state = this.#mapStates.get(name);
    if (state === undefined) {
      const table = this.mapTable(name, ttl);
      assert(table.ttl === ttl, `state ${name} got its time to live after it was restored`);
      state = new HeapMapState(this.#backend, table);
      this.#mapStates.set(name, state);
    }
    return state;
  }

  paneState(name: string): HeapPaneState<unknown> {
    this.#checkKind(name, "pane");
    let state = this.#panes.get(name);
    if (state === undefined) {
      state = new HeapPaneState(this.#backend, name);
      this.#panes.set(name, state);
      this.paneStates.push(state);
    }
    return state;
  }

  timersOf(domain: TimeDomain): HeapTimerState {
    return domain === "event-time" ? this.#eventTimers : this.#processingTimers;
  }

  mapTable(name: string, ttl?: TimeToLive): MapTable {
    this.#checkKind(name, "map");
    let table = this.#maps.get(name);
    if (table === undefined) {
      const place = { stateName: name, stateKind: "map", namespace: plainNamespace } as const;
      table = new MapTable({ ...place, ...this.#shared(), ttl });
      this.#maps.set(name, table);
      if (ttl !== undefined) this.expiring.push(table);
    }
    return table;
  }

  valueTable(name: string, ttl?: TimeToLive): CellTable {
    this.#checkKind(name, "value");
    let table = this.#values.get(name);
    if (table === undefined) {
      table = this.make(name, "value", plainNamespace, ttl);
      this.#values.set(name, table);
      if (ttl !== undefined) this.expiring.push(table);
      if (table.numbers !== undefined) this.numberTables.push(table.numbers);
    }
    return table;
  }

  /** Returns the table of a plain or map state; undefined if there is none of the name. */
  plainTable(name: string): CellTable | undefined {
    return this.#values.get(name) ?? this.#maps.get(name);
  }

  /** Returns the table that a block's entry belongs to, made if need be. */
  tableOf(
    state: { readonly name: string; readonly kind: StateKind },
    namespace: number,
  ): CellTable {
    switch (state.kind) {
      case "value":
        return this.valueTable(state.name);
      case "map":
        return this.mapTable(state.name);
      case "pane":
        return this.paneState(state.name).tableOf(namespace);
      case "timer":
        this.#checkKind(state.name, "timer");
        return this.timersOf(domainOf(state.name)).tableOf(namespace);
    }
  }

  /** Returns a new table that nothing leads to yet. */
  make(stateName: string, stateKind: StateKind, namespace: number, ttl?: TimeToLive): CellTable {
    const { usesNumberTables = true } = this.#options;
    const shared = this.#shared();
    // Entries of number tables have no room for a stamp.
    const hasNumbers = usesNumberTables && stateKind !== "timer" && ttl === undefined;
    const numbers = hasNumbers ? { numbers: new NumberTable(shared) } : {};
    return new CellTable({ stateName, stateKind, namespace, ...shared, ttl, ...numbers });
  }

  #shared(): Pick<CellTableOptions, "createdEpoch" | "groupStart" | "groupCount"> {
    const { groups } = this.#options;
    const groupCount = groups.end - groups.start + 1;
    return { createdEpoch: this.#backend.epoch, groupStart: groups.start, groupCount };
  }

  /** Every table that has or may have cells. */
  all(): readonly CellTable[] {
    const panes = [...this.#panes.values()].flatMap((state) => state.tables());
    const timers = [...this.#eventTimers.tables(), ...this.#processingTimers.tables()];
    return [...this.#values.values(), ...this.#maps.values(), ...panes, ...timers];
  }

  /** After a restore: the heap of timers, and panes without cells are no panes. */
  finishRestore(): void {
    for (const state of this.#panes.values()) state.forgetEmpty();
    this.#eventTimers.rebuild();
    this.#processingTimers.rebuild();
    for (const table of this.all()) table.createdEpoch = 0;
  }

  #checkKind(name: string, kind: StateKind): void {
    const known = this.#kinds.get(name);
    if (known === undefined) this.#kinds.set(name, kind);
    else if (known !== kind) {
      throw new StreamError(
        "state-incompatible",
        `state ${JSON.stringify(name)} of operator ${this.#options.operatorName} is a ${known} state in the checkpoint and a ${kind} state in this job: give it another name`,
        { domain: "user", retry: "never" },
      );
    }
  }
}

/** Throws `decode-failed` for timers of no domain. */
function domainOf(name: string): TimeDomain {
  if (name === timerStateNames["event-time"]) return "event-time";
  if (name === timerStateNames["processing-time"]) return "processing-time";
  throw decodeFailed(`a state block has timers called ${JSON.stringify(name)}`);
}
