import { assert, StreamError, type KeyGroupRange } from "@millrace/core";

import type { Cell, CellTable } from "./cell.ts";
import type { WrittenBlocks } from "./chain-costs.ts";
import type { SnapshotCursor } from "./contract.ts";
import type { Changes } from "./dirty-log.ts";
import { noEntry } from "./entry-arena.ts";
import type { GroupWriters } from "./group-writers.ts";
import type { NumberGroup } from "./number-group.ts";
import { encodeEntry, encodeSlice, isTaken, type NumberCut } from "./number-slices.ts";
import { isOverForGood } from "./time-to-live.ts";
import type { TombstoneSweep } from "./tombstone-sweep.ts";

/** Checking the budget costs more than encoding one cell. */
const cellsPerCheck = 16;
/** In a list of changes: encoding a number takes less, but for the wait for its memory. */
const numbersPerCheck = 64;

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
  /** Says by what time the entries of a table had expired at the barrier; -Infinity: none had. */
  readonly passedMsOf: (table: CellTable) => number;
  /** Takes out a cell that was expired at the barrier. */
  readonly forget: (cell: Cell) => void;
  /** Returns those of them that have or may have numbers. */
  readonly numberTables: () => readonly CellTable[];
  /** What a base covers since: tombstones to be swept out in the same slices. */
  readonly sweep: TombstoneSweep;
  /** Returns the epoch that ended at the latest base's barrier: no later snapshot reaches further back. */
  readonly baseEpoch: () => number;
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
  /** Gives how many cells, or what takes about as long, each of its steps has encoded. */
  readonly #work: Iterator<number, undefined>;
  /** By group, from the first own one on. */
  readonly #cuts: readonly NumberCut[];
  #isEnded = false;
  /** Met while a cell was encoded early: it is the snapshot's, not that of the change. */
  #failure: StreamError | undefined;

  constructor(options: HeapSnapshotOptions) {
    const { number, epoch, changes, groups, isBase } = options;
    const afterEpoch = changes?.afterEpoch ?? 0;
    this.#options = options;
    const wholeCut = { number, epoch, afterEpoch, isWhole: true };
    const deltaCut = { number, epoch, afterEpoch, isWhole: false };
    const { start, end } = groups;
    this.#cuts = Array.from({ length: end - start + 1 }, (_, index) =>
      isBase(start + index) ? wholeCut : deltaCut,
    );
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
    const cut = this.#cutOf(numbers.keyGroup);
    const chunk = numbers.chunkOf(address);
    if (!isTaken(chunk, address, cut)) return;
    const { writers } = this.#options;
    try {
      encodeEntry(chunk, address, cut, writers.runsOf(table, numbers.keyGroup));
      writers.emitIfLarge(numbers.keyGroup);
    } catch (error) {
      this.#failure ??= StreamError.from(error);
    }
  }

  step(shouldPause: () => boolean): boolean {
    if (this.#isEnded) return true;
    if (!this.#options.isFirst(this)) return false;
    let unchecked = 0;
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      const encoded = this.#work.next().value;
      if (encoded === undefined) break;
      unchecked += encoded;
      if (unchecked < cellsPerCheck) continue;
      unchecked = 0;
      if (shouldPause()) return false;
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

  *#encodeAll(): Iterator<number, undefined> {
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
    const numberTables = this.#options.numberTables();
    for (let group = groups.start; group <= groups.end; group += 1) {
      for (const table of others) yield* this.#encodeBase(table, group);
      for (const table of numberTables) yield* this.#encodeNumbers(table, group);
      writers.closeGroup(group);
      yield 1;
    }
    yield* sweep.run();
    for (const { numbers } of numberTables) yield* numbers?.sweep(baseEpoch()) ?? [];
    return undefined;
  }

  *#encodeDrops(): Generator<number> {
    const { changes, isBase, writers } = this.#options;
    if (changes === undefined) return;
    for (const { table, groups } of changes.drops) {
      if (table.createdEpoch > changes.afterEpoch) continue;
      for (const group of groups) if (!isBase(group)) writers.writeDrop(table, group);
      yield 1;
    }
  }

  *#encodeChanges(): Generator<number> {
    for (const lists of this.#options.changes?.lists ?? []) {
      for (const { cells } of lists) {
        for (let from = 0; from < cells.length; from += cellsPerCheck) {
          yield this.#encodeChanged(cells.slice(from, from + cellsPerCheck));
        }
      }
    }
  }

  #encodeChanged(cells: readonly Cell[]): number {
    const { epoch, isBase } = this.#options;
    for (const cell of cells) {
      // What went with its pane before the barrier is said by the drop.
      if (!isBase(cell.group) && cell.table.droppedEpoch > epoch) this.#encode(cell);
    }
    return cells.length;
  }

  #hasBases(): boolean {
    const { groups, isBase } = this.#options;
    for (let group = groups.start; group <= groups.end; group += 1) if (isBase(group)) return true;
    return false;
  }

  *#encodeBase(table: CellTable, group: number): Generator<number> {
    const { epoch, isBase } = this.#options;
    if (!isBase(group)) return;
    const passedMs = this.#options.passedMsOf(table);
    for (const cell of table.cellsOf(group)) {
      if (passedMs > -Infinity && isOverForGood(cell, passedMs)) this.#options.forget(cell);
      else if (cell.createdEpoch <= epoch) this.#encode(cell);
      yield 1;
    }
  }

  *#encodeNumbers(table: CellTable, group: number): Generator<number> {
    const numbers = table.numbers?.groupOf(group);
    if (numbers === undefined) return;
    const cut = this.#cutOf(group);
    const { afterEpoch, epoch } = cut;
    const lists = cut.isWhole ? [] : numbers.dirtyLists({ after: afterEpoch, through: epoch });
    if (cut.isWhole || lists.some(({ isWhole }) => isWhole)) {
      yield* this.#walkNumbers(table, numbers, cut);
      return;
    }
    for (const { addresses, count } of lists) {
      for (let from = 0; from < count; from += numbersPerCheck) {
        const listed = addresses.subarray(from, Math.min(from + numbersPerCheck, count));
        this.#encodeListed(table, numbers, listed);
        yield cellsPerCheck;
      }
    }
  }

  *#walkNumbers(table: CellTable, numbers: NumberGroup, cut: NumberCut): Generator<number> {
    const { writers } = this.#options;
    const { keyGroup } = numbers;
    for (let from = numbers.first(); from !== noEntry;) {
      from = encodeSlice(numbers, from, { cut, runs: writers.runsOf(table, keyGroup) });
      writers.emitIfLarge(keyGroup);
      yield cellsPerCheck;
    }
  }

  #encodeListed(table: CellTable, numbers: NumberGroup, addresses: Int32Array): void {
    const { writers } = this.#options;
    const { keyGroup } = numbers;
    const cut = this.#cutOf(keyGroup);
    const runs = writers.runsOf(table, keyGroup);
    for (const address of addresses) {
      const chunk = numbers.chunkOf(address);
      if (isTaken(chunk, address, cut)) encodeEntry(chunk, address, cut, runs);
    }
    writers.emitIfLarge(keyGroup);
  }

  #cutOf(group: number): NumberCut {
    const cut = this.#cuts[group - this.#options.groups.start];
    assert(cut !== undefined, `key group ${group} is not the backend's own`);
    return cut;
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
