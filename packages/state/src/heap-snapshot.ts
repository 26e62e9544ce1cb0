import { StreamError, type KeyGroupRange } from "@millrace/core";

import type { Cell, CellTable } from "./cell.ts";
import type { WrittenBlocks } from "./chain-costs.ts";
import type { SnapshotCursor } from "./contract.ts";
import type { Changes } from "./dirty-log.ts";
import { noEntry } from "./entry-arena.ts";
import type { GroupWriters } from "./group-writers.ts";
import type { NumberGroup } from "./number-group.ts";
import type { TombstoneSweep } from "./tombstone-sweep.ts";

/** Checking the budget costs more than encoding one cell. */
const cellsPerCheck = 16;
/** Numbers are encoded so many at once. */
const numbersPerStep = 4;

export interface HeapSnapshotOptions {
  /** Numbers the backend's snapshots, ascending. */
  readonly number: number;
  /** The epoch that ended at the barrier. */
  readonly epoch: number;
  /** The groups that are written whole. */
  readonly isBase: (group: number) => boolean;
  /** For the other groups; absent if there are none. */
  readonly changes: Changes | undefined;
  readonly groups: KeyGroupRange;
  /** Returns the tables that were there at the barrier, those dropped since included. */
  readonly tablesAtBarrier: () => readonly CellTable[];
  /** Returns the tables of plain states. */
  readonly valueTables: () => readonly CellTable[];
  /** What a base covers since: tombstones to be swept out in the same slices. */
  readonly sweep: TombstoneSweep;
  /** The epoch that ended at the base's barrier: no later snapshot reaches further back. */
  readonly baseEpoch: number;
  readonly writers: GroupWriters;
  /** Whether no earlier snapshot is still being encoded. */
  readonly isFirst: (snapshot: HeapSnapshot) => boolean;
  readonly onEnd: (snapshot: HeapSnapshot, written: WrittenBlocks | undefined) => void;
}

/**
 * One snapshot while it is encoded: copy-on-write by encoding early.
 *
 * I1 A cell counts with its value at the barrier: `protect` encodes it before its next change.
 * I2 No cell is encoded twice. The order of the entries says nothing: a restore takes a drop for
 *    what older checkpoints held.
 */
export class HeapSnapshot implements SnapshotCursor {
  readonly #options: HeapSnapshotOptions;
  readonly #work: Iterator<void>;
  #isEnded = false;
  /** Met while a cell was encoded early: it is the snapshot's, not that of the change. */
  #failure: StreamError | undefined;

  constructor(options: HeapSnapshotOptions) {
    this.#options = options;
    this.#work = this.#encodeAll();
  }

  /** Encodes the cell if this snapshot still needs its present value. */
  protect(cell: Cell): void {
    const { number, epoch, isBase, changes } = this.#options;
    if (cell.encodedBy >= number || cell.createdEpoch > epoch) return;
    const isChange =
      changes !== undefined && cell.dirtyEpoch > changes.afterEpoch && cell.dirtyEpoch <= epoch;
    if (!isChange && !isBase(cell.group)) return;
    try {
      this.#encode(cell);
    } catch (error) {
      this.#failure ??= StreamError.from(error);
    }
  }

  /** As `protect`, for an entry of a table's numbers. */
  protectNumber(table: CellTable, numbers: NumberGroup, address: number): void {
    const { number, epoch, isBase, changes } = this.#options;
    if (numbers.encodedByOf(address) >= number || numbers.createdEpochOf(address) > epoch) return;
    const dirtyEpoch = numbers.dirtyEpochOf(address);
    const isChange =
      changes !== undefined && dirtyEpoch > changes.afterEpoch && dirtyEpoch <= epoch;
    if (!isChange && !isBase(numbers.keyGroup)) return;
    try {
      this.#encodeNumber(table, numbers, address);
    } catch (error) {
      this.#failure ??= StreamError.from(error);
    }
  }

  step(shouldPause: () => boolean): boolean {
    if (this.#isEnded) return true;
    if (!this.#options.isFirst(this)) return false;
    for (let count = 1; ; count += 1) {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#work.next().done === true) break;
      if (count % cellsPerCheck === 0 && shouldPause()) return false;
    }
    const { writers } = this.#options;
    const ranges = writers.finish();
    const { bytesByGroup, entryCount } = writers;
    this.#end({ ranges, bytesByGroup, entryCount });
    return true;
  }

  cancel(): void {
    if (!this.#isEnded) this.#end(undefined);
  }

  #end(written: WrittenBlocks | undefined): void {
    this.#isEnded = true;
    this.#options.onEnd(this, written);
  }

  *#encodeAll(): Iterator<void> {
    const { groups, sweep, baseEpoch, writers } = this.#options;
    yield* this.#encodeDrops();
    yield* this.#encodeChanges();
    const tables = this.#hasBases() ? this.#options.tablesAtBarrier() : [];
    // Timers have many small tables: table by table. The others: group by group, so that blocks leave.
    const timers = tables.filter(({ stateKind }) => stateKind === "timer");
    for (const table of timers) {
      for (const group of table.groups()) yield* this.#encodeBase(table, group);
    }
    const others = tables.filter(({ stateKind }) => stateKind !== "timer");
    const valueTables = this.#options.valueTables();
    for (let group = groups.start; group <= groups.end; group += 1) {
      for (const table of others) yield* this.#encodeBase(table, group);
      for (const table of valueTables) yield* this.#encodeNumbers(table, group);
      writers.closeGroup(group);
      yield;
    }
    yield* sweep.run();
    for (const { numbers } of valueTables) yield* numbers?.sweep(baseEpoch) ?? [];
  }

  *#encodeDrops(): Generator<void> {
    const { changes, isBase, writers } = this.#options;
    if (changes === undefined) return;
    for (const { table, groups } of changes.drops) {
      if (table.createdEpoch > changes.afterEpoch) continue;
      for (const group of groups) if (!isBase(group)) writers.writeDrop(table, group);
      yield;
    }
  }

  *#encodeChanges(): Generator<void> {
    const { changes, epoch, isBase } = this.#options;
    for (const cells of changes?.cells ?? []) {
      for (const cell of cells) {
        // What went with its pane before the barrier is said by the drop.
        if (!isBase(cell.group) && cell.table.droppedEpoch > epoch) this.#encode(cell);
        yield;
      }
    }
  }

  #hasBases(): boolean {
    const { groups, isBase } = this.#options;
    for (let group = groups.start; group <= groups.end; group += 1) if (isBase(group)) return true;
    return false;
  }

  *#encodeBase(table: CellTable, group: number): Generator<void> {
    const { epoch, isBase } = this.#options;
    if (!isBase(group)) return;
    for (const cell of table.cellsOf(group)) {
      if (cell.createdEpoch <= epoch) this.#encode(cell);
      yield;
    }
  }

  *#encodeNumbers(table: CellTable, group: number): Generator<void> {
    const { isBase, changes, epoch } = this.#options;
    const numbers = table.numbers?.groupOf(group);
    if (numbers === undefined) return;
    if (isBase(group) || changes === undefined) {
      yield* this.#walkNumbers(table, numbers);
      return;
    }
    const lists = numbers.dirtyLists({ after: changes.afterEpoch, through: epoch });
    if (lists.some(({ isWhole }) => isWhole)) {
      yield* this.#walkNumbers(table, numbers);
      return;
    }
    for (const { addresses, count } of lists) {
      for (let index = 0; index < count; index += 1) {
        this.#encodeNumber(table, numbers, addresses[index] ?? noEntry);
        if (index % numbersPerStep === 0) yield;
      }
    }
  }

  *#walkNumbers(table: CellTable, numbers: NumberGroup): Generator<void> {
    let count = 0;
    for (let address = numbers.first(); address !== noEntry; address = numbers.next(address)) {
      this.#encodeNumber(table, numbers, address);
      count += 1;
      if (count % numbersPerStep === 0) yield;
    }
  }

  /** Encodes the entry, if it belongs into this snapshot and is not there yet. */
  #encodeNumber(table: CellTable, numbers: NumberGroup, address: number): void {
    const { number, epoch, writers, isBase, changes } = this.#options;
    const createdEpoch = numbers.createdEpochOf(address);
    if (numbers.encodedByOf(address) >= number || createdEpoch > epoch) return;
    if (numbers.isFree(address)) return;
    const afterEpoch = changes?.afterEpoch ?? 0;
    const isWhole = isBase(numbers.keyGroup);
    const dirtyEpoch = numbers.dirtyEpochOf(address);
    // What changed behind the barrier only was not protected, as a delta does not need it.
    if (!isWhole && (dirtyEpoch <= afterEpoch || dirtyEpoch > epoch)) return;
    numbers.noteEncoded(address, number);
    const isGone = numbers.valueOf(address) === undefined;
    if (isGone && (isWhole || createdEpoch > afterEpoch)) return;
    writers.writeNumber(table, numbers, address);
  }

  #encode(cell: Cell): void {
    const { number, writers, isBase, changes } = this.#options;
    if (cell.encodedBy >= number) return;
    cell.encodedBy = number;
    if (cell.value === undefined) {
      // Born and removed since the base, or left out of a base: nothing has to be said.
      const isUnknown = cell.createdEpoch > (changes?.afterEpoch ?? 0);
      if (isBase(cell.group) || isUnknown) return;
    }
    writers.writeCell(cell);
  }
}
