import type { Cell, CellTable } from "./cell.ts";
import type { SnapshotCursor } from "./contract.ts";
import type { Changes } from "./dirty-log.ts";
import type { EmittedRange, GroupWriters } from "./group-writers.ts";

/** Checking the budget costs more than encoding one cell. */
const cellsPerCheck = 16;

export interface HeapSnapshotOptions {
  /** Numbers the backend's snapshots, ascending. */
  readonly number: number;
  /** The epoch that ended at the barrier. */
  readonly epoch: number;
  /** The groups that are written whole. */
  readonly isBase: (group: number) => boolean;
  /** For the other groups; absent if there are none. */
  readonly changes: Changes | undefined;
  /** The tables as of the barrier. */
  readonly tables: readonly CellTable[];
  readonly writers: GroupWriters;
  /** Whether no earlier snapshot is still being encoded. */
  readonly isFirst: (snapshot: HeapSnapshot) => boolean;
  readonly onEnd: (snapshot: HeapSnapshot, written: Written | undefined) => void;
}

export interface Written {
  readonly ranges: readonly EmittedRange[];
  readonly bytesByGroup: ReadonlyMap<number, number>;
}

/**
 * One snapshot while it is encoded: copy-on-write by encoding early.
 *
 * I1 A cell counts with its value at the barrier: `protect` encodes it before its next change.
 * I2 No cell is encoded twice.
 */
export class HeapSnapshot implements SnapshotCursor {
  readonly #options: HeapSnapshotOptions;
  readonly #work: Iterator<void>;
  #isEnded = false;
  #live: ReadonlySet<CellTable> | undefined;

  constructor(options: HeapSnapshotOptions) {
    this.#options = options;
    this.#work = this.#encodeAll();
  }

  get number(): number {
    return this.#options.number;
  }

  /** Encodes the cell if this snapshot still needs its present value. */
  protect(cell: Cell): void {
    const { number, epoch, isBase, changes } = this.#options;
    if (cell.encodedBy >= number || cell.createdEpoch > epoch) return;
    if (isBase(cell.group)) this.#encode(cell);
    else if (
      changes !== undefined &&
      cell.dirtyEpoch > changes.afterEpoch &&
      cell.dirtyEpoch <= epoch
    ) {
      this.#encode(cell);
    }
  }

  step(shouldPause: () => boolean): boolean {
    if (this.#isEnded) return true;
    if (!this.#options.isFirst(this)) return false;
    for (let count = 1; ; count += 1) {
      if (this.#work.next().done === true) break;
      if (count % cellsPerCheck === 0 && shouldPause()) return false;
    }
    const { writers } = this.#options;
    const ranges = writers.finish();
    this.#end({ ranges, bytesByGroup: writers.bytesByGroup });
    return true;
  }

  cancel(): void {
    if (!this.#isEnded) this.#end(undefined);
  }

  #end(written: Written | undefined): void {
    this.#isEnded = true;
    this.#options.onEnd(this, written);
  }

  *#encodeAll(): Iterator<void> {
    const { changes, isBase, tables, writers } = this.#options;
    // Drops first: a pane that was dropped and came back has its cells behind its drop.
    for (const { table, groups: dropped } of changes?.drops ?? []) {
      const isUnknown = table.createdEpoch > (changes?.afterEpoch ?? 0);
      for (const group of isUnknown ? [] : dropped)
        if (!isBase(group)) writers.writeDrop(table, group);
      yield;
    }
    for (const cells of changes?.cells ?? []) {
      for (const cell of cells) {
        if (!isBase(cell.group)) this.#encodeChange(cell);
        yield;
      }
    }
    for (const table of tables) {
      for (const group of table.groups()) if (isBase(group)) yield* this.#encodeGroup(table, group);
    }
  }

  *#encodeGroup(table: CellTable, group: number): Generator<void> {
    for (const cell of table.cellsOf(group)) {
      if (cell.createdEpoch <= this.#options.epoch) this.#encode(cell);
      yield;
    }
  }

  #encodeChange(cell: Cell): void {
    if (this.#isDropped(cell)) return;
    this.#encode(cell);
  }

  /** The cell went with its pane before the barrier. */
  #isDropped({ table }: Cell): boolean {
    return table.stateKind !== "value" && !this.#liveTables().has(table);
  }

  #liveTables(): ReadonlySet<CellTable> {
    this.#live ??= new Set(this.#options.tables);
    return this.#live;
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
