import {
  assert,
  identityOf,
  keyGroupOf,
  noFailpoints,
  ownKey,
  type Barrier,
  type CheckpointId,
  type Failpoints,
} from "@millrace/core";

import { CellCounts } from "./cell-counts.ts";
import {
  assignValue,
  forgetCell,
  newCell,
  type Cell,
  type CellTable,
  type StateKind,
} from "./cell.ts";
import { ChainCosts } from "./chain-costs.ts";
import type {
  KeyedBackend,
  MapState,
  PaneState,
  SnapshotCursor,
  StateBlock,
  TimeDomain,
  TimerState,
  ValueState,
} from "./contract.ts";
import { DirtyLog } from "./dirty-log.ts";
import { noEntry } from "./entry-arena.ts";
import { BlockRestorer } from "./heap-restore.ts";
import type { MapTable } from "./map-table.ts";
import type { NumberGroup } from "./number-group.ts";
import { SnapshotSeries } from "./snapshot-series.ts";
import { keysByGroup } from "./state-keys.ts";
import { StateTables, type StateTablesOptions } from "./state-tables.ts";
import { stampedOf, type TimeToLive } from "./time-to-live.ts";

export interface HeapBackendOptions extends StateTablesOptions {
  readonly failpoints?: Failpoints;
}

/** Returns keyed state in memory: maps of mutable cells by key group. */
export function createHeapBackend(options: HeapBackendOptions): HeapBackend {
  return new HeapBackend(options);
}

/** What the states of a backend share: the current key, and what becomes of its cells. */
export class HeapBackend implements KeyedBackend {
  readonly #options: HeapBackendOptions;
  readonly #maxParallelism: number;
  readonly #log = new DirtyLog();
  readonly #counts: CellCounts;
  readonly #tables: StateTables;
  readonly #snapshots: SnapshotSeries;
  readonly #restorer: BlockRestorer;
  #key: unknown;
  /** That of a primitive key is made when it is asked for. */
  #identity: unknown;
  #hasIdentity = false;
  #hash = 0;
  #group = -1;
  #keyTurn = 0;

  constructor(options: HeapBackendOptions) {
    const { operatorName, groups, maxParallelism, failpoints = noFailpoints } = options;
    this.#options = options;
    this.#maxParallelism = maxParallelism;
    this.#counts = new CellCounts(groups);
    this.#tables = new StateTables(options, this);
    const costs = new ChainCosts(groups);
    const shared = { operatorName, groups, costs, counts: this.#counts, tables: this.#tables };
    const onEnd = (): void => {
      this.#keyTurn += 1;
    };
    this.#snapshots = new SnapshotSeries({ ...shared, log: this.#log, onEnd });
    this.#restorer = new BlockRestorer({ ...shared, maxParallelism, failpoints });
  }

  setCurrentKey(key: unknown, hash: number): void {
    this.#keyTurn += 1;
    this.#key = key;
    this.#hash = hash | 0;
    this.#group = keyGroupOf(hash, this.#maxParallelism);
    this.#hasIdentity = false;
    // The author may change an object while it is current.
    if (typeof key === "object") this.#identity = this.currentIdentity;
  }

  currentKey(): unknown {
    return this.#key;
  }

  lookAhead(hashes: Int32Array, from: number, to: number): void {
    for (const numbers of this.#tables.numberTables) numbers.lookAhead(hashes, from, to);
    for (const panes of this.#tables.paneStates) panes.lookAhead(hashes, from, to);
  }

  valueState<Value>(name: string, ttl?: TimeToLive): ValueState<Value> {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one type per state name
    return this.#tables.valueState(name, ttl) as ValueState<Value>;
  }

  mapState<MapKey, Value>(name: string, ttl?: TimeToLive): MapState<MapKey, Value> {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one type per state name
    return this.#tables.mapState(name, ttl) as MapState<MapKey, Value>;
  }

  paneState<Value>(name: string): PaneState<Value> {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one type per state name
    return this.#tables.paneState(name) as PaneState<Value>;
  }

  forEachKey(stateName: string, visit: (key: unknown) => void): void {
    const table = this.#tables.plainTable(stateName);
    if (table === undefined) return;
    for (const keys of keysByGroup(table)) {
      for (const { key, hash } of keys) {
        this.setCurrentKey(key, hash);
        visit(key);
      }
    }
  }

  timers(domain: TimeDomain = "event-time"): TimerState {
    return this.#tables.timersOf(domain);
  }

  beginSnapshot(barrier: Barrier, emit: (block: StateBlock) => void): SnapshotCursor {
    this.#keyTurn += 1;
    return this.#snapshots.begin(barrier, emit);
  }

  restoreBlock(block: StateBlock): void {
    this.#restorer.restore(block);
  }

  finishRestore(checkpointId: CheckpointId): void {
    this.#log.startFrom(checkpointId);
    this.#restorer.finish();
    this.#snapshots.startFrom(this.#restorer.checkpointCount);
    this.#tables.finishRestore();
  }

  cellCount(): number {
    return this.#counts.total;
  }

  // What the states of this backend use.

  /** Another number for each time a key was made current, and for each snapshot that began or ended. */
  get keyTurn(): number {
    return this.#keyTurn;
  }

  get currentGroup(): number {
    return this.#group;
  }

  get currentHash(): number {
    return this.#hash;
  }

  get currentIdentity(): unknown {
    if (!this.#hasIdentity) {
      this.#identity = identityOf(this.#key);
      this.#hasIdentity = true;
    }
    return this.#identity;
  }

  /** Returns the current key's cell, ready to be changed: protected, dirty, made if need be. */
  cellForUpdate(table: CellTable): Cell {
    const identity = this.currentIdentity;
    const known = table.find(this.#group, identity);
    if (known !== undefined) {
      this.touch(known);
      return known;
    }
    this.#checkGroup();
    const key = ownKey(this.#key);
    const cell = newCell({ table, key, hash: this.#hash, group: this.#group }, this.#log.epoch);
    table.add(identity, cell);
    this.#log.add(cell);
    return cell;
  }

  /** Adds a cell, dirty and without a value, for an entry of the current key's map that has none. */
  addEntry(table: MapTable, mapKey: unknown, mapKeyIdentity: unknown): Cell {
    this.#checkGroup();
    const place = { table, key: [ownKey(this.#key), mapKey], hash: this.#hash, group: this.#group };
    const cell = newCell(place, this.#log.epoch);
    table.addEntry(this.currentIdentity, mapKeyIdentity, cell);
    this.#log.add(cell);
    return cell;
  }

  /** Takes out a cell that has expired; a snapshot that pends has the value of its barrier. */
  expire(cell: Cell): void {
    this.#keyTurn += 1;
    if (stampedOf(cell.value)?.mayComeBack === true) {
      this.removeCell(cell);
      return;
    }
    this.#snapshots.protect(cell);
    forgetCell(cell, this.#counts);
  }

  /** Makes the cell safe to change: what pending snapshots need of it is encoded, and it is dirty. */
  touch(cell: Cell): void {
    // Snapshots are cut where an epoch ends: the first change in this one has done all that.
    if (cell.dirtyEpoch === this.#log.epoch) return;
    this.#snapshots.protect(cell);
    this.#log.add(cell);
  }

  get epoch(): number {
    return this.#log.epoch;
  }

  /** As `touch`, for an entry of the table's numbers that was not changed in this epoch. */
  touchNumber(table: CellTable, numbers: NumberGroup, address: number): void {
    this.#snapshots.protectNumber(table, numbers, address);
    numbers.noteDirty(address, this.#log.epoch);
  }

  /**
   * Adds the current key to the table's numbers, dirty and without a value so far. Returns `noEntry`
   * if it cannot be there: it belongs into a cell.
   */
  addNumber(numbers: NumberGroup): number {
    const address = numbers.add(this.#key, this.#hash, this.#log.epoch);
    if (address !== noEntry) numbers.noteDirty(address, this.#log.epoch);
    return address;
  }

  /** Returns the current key's group of the table's numbers, made if need be. */
  numbersForUpdate(table: CellTable): NumberGroup | undefined {
    this.#checkGroup();
    return table.numbers?.ownGroup(this.#group);
  }

  /** Makes a cell of the current key's entry: it gets a value that is no number. */
  moveToCell(table: CellTable, numbers: NumberGroup, address: number): Cell {
    const place = { table, key: this.#key, hash: this.#hash, group: this.#group };
    const cell = newCell(place, numbers.createdEpochOf(address));
    cell.encodedBy = numbers.encodedByOf(address);
    if (numbers.valueOf(address) !== undefined) this.count(this.#group, -1);
    numbers.free(address);
    table.add(this.currentIdentity, cell);
    this.#log.add(cell);
    return cell;
  }

  /** Sets a cell's value and keeps count of the live ones. */
  assign(cell: Cell, value: unknown): void {
    assignValue(cell, value, this.#counts);
  }

  /** A cell that an operator fills or mutates by itself counts from here. */
  noteNewCell(): void {
    this.count(this.#group, 1);
  }

  /** Removes the cell by a tombstone. */
  removeCell(cell: Cell): void {
    this.touch(cell);
    this.assign(cell, undefined);
  }

  /** A table goes whole: what pending snapshots need stays reachable through them. */
  dropTable(table: CellTable): void {
    this.#log.addDrop(table);
    for (const group of table.groups()) this.count(group, -table.liveCountOf(group));
    // Later snapshots need to know that it was there, not what was in it.
    if (!this.#snapshots.hasPending) table.release();
  }

  newTable(stateName: string, stateKind: StateKind, namespace: number): CellTable {
    return this.#tables.make(stateName, stateKind, namespace);
  }

  count(group: number, change: number): void {
    this.#counts.add(group, change);
  }

  #checkGroup(): void {
    const { groups, operatorName } = this.#options;
    const isOwn = this.#group >= groups.start && this.#group <= groups.end;
    assert(isOwn, `operator ${operatorName} got a key of key group ${this.#group}, not its own`);
  }
}
