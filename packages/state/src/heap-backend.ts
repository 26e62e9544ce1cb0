import {
  assert,
  identityOf,
  keyGroupOf,
  noFailpoints,
  ownKey,
  StreamError,
  type Barrier,
  type CheckpointId,
  type Failpoints,
  type KeyGroupRange,
} from "@millrace/core";

import { CellTable, type Cell, type StateKind } from "./cell.ts";
import { ChainCosts, type WrittenBlocks } from "./chain-costs.ts";
import type {
  KeyedBackend,
  PaneState,
  SnapshotCursor,
  StateBlock,
  TimerState,
  ValueState,
} from "./contract.ts";
import { DirtyLog, type Changes } from "./dirty-log.ts";
import { noEntry } from "./entry-arena.ts";
import { GroupWriters } from "./group-writers.ts";
import { HeapPaneState } from "./heap-pane-state.ts";
import { BlockRestorer } from "./heap-restore.ts";
import { HeapSnapshot } from "./heap-snapshot.ts";
import { HeapTimerState } from "./heap-timer-state.ts";
import { HeapValueState } from "./heap-value-state.ts";
import type { NumberGroup } from "./number-group.ts";
import { NumberTable } from "./number-table.ts";
import { TombstoneSweep } from "./tombstone-sweep.ts";

export interface HeapBackendOptions {
  readonly operatorName: string;
  /** The key groups that the subtask owns. */
  readonly groups: KeyGroupRange;
  readonly maxParallelism: number;
  readonly failpoints?: Failpoints;
  /** Keeps numbers in typed arrays instead of cells; the blocks are the same. Default true. */
  readonly usesNumberTables?: boolean;
}

const plainNamespace = 0;
const timersName = "timers";

/** Returns keyed state in memory: maps of mutable cells by key group. */
export function createHeapBackend(options: HeapBackendOptions): HeapBackend {
  return new HeapBackend(options);
}

/** What the states of a backend share: the current key, its cells' history, its snapshots. */
export class HeapBackend implements KeyedBackend {
  readonly #options: HeapBackendOptions;
  readonly #maxParallelism: number;
  readonly #log = new DirtyLog();
  readonly #sweep = new TombstoneSweep();
  readonly #costs: ChainCosts;
  readonly #values = new Map<string, CellTable>();
  /** Of `#values`: as an array, as it is gone through often. */
  readonly #numberTables: NumberTable[] = [];
  readonly #valueStates = new Map<string, HeapValueState>();
  readonly #panes = new Map<string, HeapPaneState<unknown>>();
  readonly #timers: HeapTimerState;
  readonly #kinds = new Map<string, StateKind>();
  readonly #restorer: BlockRestorer;
  #snapshots: HeapSnapshot[] = [];
  #snapshotCount = 0;
  #cellCount = 0;
  /** Live cells by group, from the first own one on: what a base of it would hold. */
  readonly #groupCells: Int32Array;
  #key: unknown;
  /** That of a primitive key is made when it is asked for. */
  #identity: unknown;
  #hasIdentity = false;
  #hash = 0;
  #group = -1;

  constructor(options: HeapBackendOptions) {
    this.#options = options;
    this.#maxParallelism = options.maxParallelism;
    const { start, end } = options.groups;
    this.#groupCells = new Int32Array(end - start + 1);
    this.#costs = new ChainCosts(options.groups);
    this.#timers = new HeapTimerState(this);
    this.#restorer = new BlockRestorer({
      operatorName: options.operatorName,
      groups: options.groups,
      maxParallelism: options.maxParallelism,
      costs: this.#costs,
      failpoints: options.failpoints ?? noFailpoints,
      target: this,
    });
  }

  setCurrentKey(key: unknown, hash: number): void {
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
    for (const numbers of this.#numberTables) numbers.lookAhead(hashes, from, to);
  }

  valueState<Value>(name: string): ValueState<Value> {
    const table = this.valueTable(name);
    let state = this.#valueStates.get(name);
    if (state === undefined) {
      state = new HeapValueState(this, table);
      this.#valueStates.set(name, state);
    }
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one type per state name
    return state as ValueState<Value>;
  }

  paneState<Value>(name: string): PaneState<Value> {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one type per state name
    return this.paneTables(name) as PaneState<Value>;
  }

  timers(): TimerState {
    return this.#timers;
  }

  beginSnapshot(barrier: Barrier, emit: (block: StateBlock) => void): SnapshotCursor {
    const { checkpointId } = barrier;
    if (this.#snapshots.length === 0) this.#compact();
    const epoch = this.#log.close(checkpointId);
    const changes = this.#changesFor(barrier);
    const due = this.#costs.groupsDue(checkpointId, (group) => this.#cellsOf(group));
    const isBase = changes === undefined ? () => true : (group: number) => due.has(group);
    this.#snapshotCount += 1;
    const { groups, operatorName } = this.#options;
    const roleOf = (group: number): "base" | "delta" => (isBase(group) ? "base" : "delta");
    const snapshot = new HeapSnapshot({
      number: this.#snapshotCount,
      epoch,
      groups,
      isBase,
      changes,
      tablesAtBarrier: () => this.#tablesAt(epoch),
      valueTables: () => [...this.#values.values()],
      sweep: this.#sweep,
      baseEpoch: this.#log.baseEpoch,
      writers: new GroupWriters({ operatorName, checkpointId, roleOf, emit }),
      isFirst: (asking) => this.#snapshots[0] === asking,
      onEnd: (ended, written) => this.#endSnapshot(ended, written),
    });
    this.#snapshots.push(snapshot);
    return snapshot;
  }

  restoreBlock(block: StateBlock): void {
    this.#restorer.restore(block);
  }

  finishRestore(checkpointId: CheckpointId): void {
    this.#log.startFrom(checkpointId);
    this.#restorer.finish();
    // Cells carry the numbers of what they were restored from: those of snapshots go on from there.
    this.#snapshotCount = this.#restorer.checkpointCount;
    this.#timers.rebuild();
    for (const table of this.tables()) table.createdEpoch = 0;
  }

  cellCount(): number {
    return this.#cellCount;
  }

  // What the states and the restorer of this backend use.

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

  /** Makes the cell safe to change: what pending snapshots need of it is encoded, and it is dirty. */
  touch(cell: Cell): void {
    // Snapshots are cut where an epoch ends: the first change in this one has done all that.
    if (cell.dirtyEpoch === this.#log.epoch) return;
    for (const snapshot of this.#snapshots) snapshot.protect(cell);
    this.#log.add(cell);
  }

  get epoch(): number {
    return this.#log.epoch;
  }

  /** As `touch`, for an entry of the table's numbers that was not changed in this epoch. */
  touchNumber(table: CellTable, numbers: NumberGroup, address: number): void {
    for (const snapshot of this.#snapshots) snapshot.protectNumber(table, numbers, address);
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
    if (cell.value === undefined && value !== undefined) this.count(cell.group, 1);
    if (cell.value !== undefined && value === undefined) this.count(cell.group, -1);
    cell.value = value;
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
    for (const cell of table.cells()) if (cell.value !== undefined) this.count(cell.group, -1);
  }

  newTable(stateName: string, stateKind: StateKind, namespace: number): CellTable {
    const { groups, usesNumberTables = true } = this.#options;
    const groupStart = groups.start;
    const groupCount = groups.end - groups.start + 1;
    const hasNumbers = usesNumberTables && stateKind === "value";
    return new CellTable({
      stateName,
      stateKind,
      namespace,
      createdEpoch: this.#log.epoch,
      groupStart,
      groupCount,
      ...(hasNumbers ? { numbers: new NumberTable({ groupStart, groupCount }) } : {}),
    });
  }

  valueTable(name: string): CellTable {
    this.#checkKind(name, "value");
    let table = this.#values.get(name);
    if (table === undefined) {
      table = this.newTable(name, "value", plainNamespace);
      this.#values.set(name, table);
      if (table.numbers !== undefined) this.#numberTables.push(table.numbers);
    }
    return table;
  }

  paneTables(name: string): HeapPaneState<unknown> {
    this.#checkKind(name, "pane");
    let state = this.#panes.get(name);
    if (state === undefined) {
      state = new HeapPaneState(this, name);
      this.#panes.set(name, state);
    }
    return state;
  }

  timerTables(): HeapTimerState {
    this.#checkKind(timersName, "timer");
    return this.#timers;
  }

  /** Every table that has or may have cells. */
  tables(): readonly CellTable[] {
    const panes = [...this.#panes.values()].flatMap((state) => state.tables());
    return [...this.#values.values(), ...panes, ...this.#timers.tables()];
  }

  /** Puts a cell in as a snapshot had it: clean. */
  restoreCell(table: CellTable, restored: RestoredCell): void {
    const { key, hash, value, restoreNumber } = restored;
    const identity = identityOf(key);
    const group = keyGroupOf(hash, this.#maxParallelism);
    if (this.#restoreNumber(table, restored, group)) return;
    let cell = table.find(group, identity);
    if (value === undefined) {
      if (cell === undefined) return;
      this.assign(cell, undefined);
      table.remove(cell);
      return;
    }
    if (cell === undefined) {
      cell = newCell({ table, key, hash, group }, 0);
      table.add(identity, cell);
    }
    this.assign(cell, value);
    cell.encodedBy = restoreNumber;
  }

  /** After a restore: panes without cells are no panes. */
  forgetEmptyPanes(): void {
    for (const state of this.#panes.values()) state.forgetEmpty();
  }

  /** Forgets a group's cells in one table, as far as they are of earlier restores. */
  clearTableGroup(table: CellTable, group: number, restoreNumber: number): void {
    this.count(group, -table.clearGroup(group, restoreNumber));
  }

  /** Takes the key into the table's numbers or out of them; true if it has no cell. */
  #restoreNumber(table: CellTable, restored: RestoredCell, group: number): boolean {
    if (table.numbers === undefined) return false;
    const { key, hash, value, restoreNumber } = restored;
    const numbers = table.numbers.ownGroup(group);
    let address = numbers.find(key, hash);
    if (typeof value !== "number") {
      if (address === noEntry) return false;
      this.count(group, numbers.valueOf(address) === undefined ? 0 : -1);
      numbers.free(address);
      return value === undefined;
    }
    if (address === noEntry) {
      if (table.find(group, identityOf(key)) !== undefined) return false;
      address = numbers.add(key, hash, 0);
      if (address === noEntry) return false;
    }
    this.count(group, numbers.setValue(address, value));
    numbers.noteEncoded(address, restoreNumber);
    return true;
  }

  /** Puts epochs together where too many are open. */
  #compact(): void {
    const { baseEpoch } = this.#log;
    const lastEpoch = this.#log.compact();
    if (lastEpoch === 0) return;
    for (const { numbers } of this.#values.values()) numbers?.compact(lastEpoch, baseEpoch);
  }

  count(group: number, change: number): void {
    this.#cellCount += change;
    const index = group - this.#options.groups.start;
    this.#groupCells[index] = (this.#groupCells[index] ?? 0) + change;
  }

  #cellsOf(group: number): number {
    return this.#groupCells[group - this.#options.groups.start] ?? 0;
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

  #checkGroup(): void {
    const { groups, operatorName } = this.#options;
    const isOwn = this.#group >= groups.start && this.#group <= groups.end;
    assert(isOwn, `operator ${operatorName} got a key of key group ${this.#group}, not its own`);
  }

  /** Returns what a delta holds; undefined for a full snapshot. Later deltas need nothing before the base. */
  #changesFor({ base, mode }: Barrier): Changes | undefined {
    const baseEpoch = base === undefined ? undefined : this.#log.epochOf(base);
    if (base === undefined || baseEpoch === undefined) return undefined;
    for (const { cells, epoch } of this.#log.rebase(base, baseEpoch)) this.#sweep.add(cells, epoch);
    return mode === "full" ? undefined : this.#log.changesAfter(baseEpoch);
  }

  #tablesAt(epoch: number): readonly CellTable[] {
    return [...this.tables(), ...this.#log.tablesDroppedAfter(epoch)].filter(
      ({ createdEpoch }) => createdEpoch <= epoch,
    );
  }

  #endSnapshot(ended: HeapSnapshot, written: WrittenBlocks | undefined): void {
    this.#snapshots = this.#snapshots.filter((snapshot) => snapshot !== ended);
    if (written !== undefined) this.#costs.note(written);
  }
}

/** A cell as a block has it. */
export interface RestoredCell {
  readonly key: unknown;
  readonly hash: number;
  /** undefined: a tombstone. */
  readonly value: unknown;
  readonly restoreNumber: number;
}

function newCell(
  place: Pick<Cell, "table" | "key" | "hash" | "group">,
  createdEpoch: number,
): Cell {
  const { table, key, hash, group } = place;
  return { key, hash, group, table, value: undefined, dirtyEpoch: 0, createdEpoch, encodedBy: 0 };
}
