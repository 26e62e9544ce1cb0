import { identityOf } from "@millrace/core";

import type { CellCounts } from "./cell-counts.ts";
import type { NumberTable } from "./number-table.ts";
import type { TimeToLive } from "./time-to-live.ts";

/**
 * One value of one key, and what snapshots know of it. A cell belongs to its key for good: removal
 * leaves it as a tombstone (value undefined) until a snapshot's base covers that.
 */
export interface Cell {
  readonly key: unknown;
  readonly hash: number;
  readonly group: number;
  readonly table: CellTable;
  /** undefined: removed. */
  value: unknown;
  /** The epoch of its last change; 0 for what was restored and not changed since. */
  dirtyEpoch: number;
  readonly createdEpoch: number;
  /** The last snapshot that has encoded it, or restored it: one row of numbers. */
  encodedBy: number;
}

/** Returns a cell without a value that nothing leads to yet. */
export function newCell(
  place: Pick<Cell, "table" | "key" | "hash" | "group">,
  createdEpoch: number,
): Cell {
  const { table, key, hash, group } = place;
  return { key, hash, group, table, value: undefined, dirtyEpoch: 0, createdEpoch, encodedBy: 0 };
}

/** Sets a cell's value and keeps count of the live ones. */
export function assignValue(cell: Cell, value: unknown, counts: CellCounts): void {
  if (cell.value === undefined && value !== undefined) counts.add(cell.group, 1);
  if (cell.value !== undefined && value === undefined) counts.add(cell.group, -1);
  cell.value = value;
}

/** Above the numbers of all snapshots: none encodes the cell any more. */
const neverEncoded = 2 ** 30 - 1;

/** Takes a cell out that nobody may see again, without a tombstone: a restore does not bring it to light. */
export function forgetCell(cell: Cell, counts: CellCounts): void {
  assignValue(cell, undefined, counts);
  cell.encodedBy = neverEncoded;
  cell.table.remove(cell);
}

/** Cells that were written in one epoch. */
export interface DirtyCells {
  readonly epoch: number;
  cells: Cell[];
}

/** What a state is: plain, by pane, timers, or a map by key; the same words as in the blocks. */
export type StateKind = "value" | "pane" | "timer" | "map";

/** Whether cells of such a state lie in several tables, by a number. */
export function hasNamespace(kind: StateKind): boolean {
  return kind === "pane" || kind === "timer";
}

export interface CellTableOptions {
  readonly stateName: string;
  readonly stateKind: StateKind;
  readonly namespace: number;
  readonly createdEpoch: number;
  readonly groupStart: number;
  readonly groupCount: number;
  readonly numbers?: NumberTable;
  readonly ttl?: TimeToLive | undefined;
}

type CellMap = Map<unknown, Cell>;

/** Cells of one state and one namespace, by key group; but for timers and maps also its numbers. */
export class CellTable {
  readonly stateName: string;
  readonly stateKind: StateKind;
  /** A pane's start or a timer's time; 0 for plain state. */
  readonly namespace: number;
  /** 0 for what was restored. */
  createdEpoch: number;
  /** The epoch in which it was dropped whole; Infinity while it is there. */
  droppedEpoch: number = Infinity;
  /** Of a table that goes whole: its cells of the last epoch that wrote any; they go with it. */
  dirty: DirtyCells | undefined;
  /** Holds keys whose values are numbers, where the state may have such; each key is here or there. */
  numbers: NumberTable | undefined;
  /** With one, the cells hold `Stamped` values. */
  readonly ttl: TimeToLive | undefined;
  readonly #groupStart: number;
  readonly #groupCount: number;
  /** By index in the range; only where most groups have cells. */
  readonly #dense: (CellMap | undefined)[] | undefined;
  /** By group: a timer's time has few keys, and there are many times. */
  readonly #sparse = new Map<number, CellMap>();

  constructor(options: CellTableOptions) {
    this.stateName = options.stateName;
    this.stateKind = options.stateKind;
    this.namespace = options.namespace;
    this.createdEpoch = options.createdEpoch;
    this.numbers = options.numbers;
    this.ttl = options.ttl;
    this.#groupStart = options.groupStart;
    this.#groupCount = options.groupCount;
    const isSparse = options.stateKind === "timer" || options.stateKind === "map";
    this.#dense = isSparse ? undefined : Array.from({ length: options.groupCount });
  }

  find(group: number, identity: unknown): Cell | undefined {
    return this.#mapOf(group)?.get(identity);
  }

  add(identity: unknown, cell: Cell): void {
    const known = this.#mapOf(cell.group);
    if (known !== undefined) {
      known.set(identity, cell);
      return;
    }
    const made = new Map([[identity, cell]]);
    if (this.#dense === undefined) this.#sparse.set(cell.group, made);
    else this.#dense[cell.group - this.#groupStart] = made;
  }

  /** As `find`, for a key as a cell has it. */
  findKey(group: number, key: unknown): Cell | undefined {
    return this.find(group, identityOf(key));
  }

  /** As `add`, under the cell's own key. */
  addKey(cell: Cell): void {
    this.add(identityOf(cell.key), cell);
  }

  /** Takes the cell out, if it is still the one of its key. */
  remove(cell: Cell): void {
    const cells = this.#mapOf(cell.group);
    const identity = identityOf(cell.key);
    if (cells?.get(identity) === cell) cells.delete(identity);
  }

  /** Removes the group's cells of restores before the given one; returns how many were alive. */
  clearGroup(group: number, restoreNumber: number): number {
    const cells = this.#mapOf(group);
    let liveCount = this.numbers?.clearGroup(group, restoreNumber) ?? 0;
    // Of most groups a pane or a timer has nothing, and there are many of both.
    if (cells === undefined || cells.size === 0) return liveCount;
    for (const [identity, cell] of cells) {
      if (cell.encodedBy >= restoreNumber) continue;
      if (cell.value !== undefined) liveCount += 1;
      cells.delete(identity);
    }
    return liveCount;
  }

  /** Lets go of all cells: nothing will ask for them again. */
  release(): void {
    this.numbers = undefined;
    this.#dense?.fill(undefined);
    this.#sparse.clear();
  }

  /** Returns how many of the group's cells and numbers are alive. */
  liveCountOf(group: number): number {
    let liveCount = this.numbers?.groupOf(group)?.liveCount ?? 0;
    for (const { value } of this.cellsOf(group)) if (value !== undefined) liveCount += 1;
    return liveCount;
  }

  cellsOf(group: number): Iterable<Cell> {
    return this.#mapOf(group)?.values() ?? [];
  }

  *cells(): Generator<Cell, undefined> {
    for (const group of this.groups()) yield* this.cellsOf(group);
    return undefined;
  }

  /** The groups that have cells or numbers; a pane's numbers go with it only, so that they are alive. */
  groups(): readonly number[] {
    const groups: number[] = [];
    if (this.#dense === undefined) {
      for (const [group, cells] of this.#sparse) if (cells.size > 0) groups.push(group);
      return groups;
    }
    for (let index = 0; index < this.#groupCount; index += 1) {
      const group = this.#groupStart + index;
      const hasNumbers = (this.numbers?.groupOf(group)?.liveCount ?? 0) > 0;
      if (hasNumbers || (this.#dense[index]?.size ?? 0) > 0) groups.push(group);
    }
    return groups;
  }

  #mapOf(group: number): CellMap | undefined {
    if (this.#dense === undefined) return this.#sparse.get(group);
    return this.#dense[group - this.#groupStart];
  }
}
