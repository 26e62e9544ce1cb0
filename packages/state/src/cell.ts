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
  /** The last snapshot that has encoded it, by number. */
  encodedBy: number;
}

/** What a state is: plain, by pane, or timers; the same words as in the blocks. */
export type StateKind = "value" | "pane" | "timer";

/** Cells of one state and one namespace, by key group. */
export class CellTable {
  readonly stateName: string;
  readonly stateKind: StateKind;
  /** A pane's start or a timer's time; 0 for plain state. */
  readonly namespace: number;
  /** 0 for what was restored. */
  createdEpoch: number;
  readonly #groupStart: number;
  readonly #groups: (Map<unknown, Cell> | undefined)[];

  constructor(options: {
    readonly stateName: string;
    readonly stateKind: StateKind;
    readonly namespace: number;
    readonly createdEpoch: number;
    readonly groupStart: number;
    readonly groupCount: number;
  }) {
    this.stateName = options.stateName;
    this.stateKind = options.stateKind;
    this.namespace = options.namespace;
    this.createdEpoch = options.createdEpoch;
    this.#groupStart = options.groupStart;
    this.#groups = Array.from({ length: options.groupCount });
  }

  find(group: number, identity: unknown): Cell | undefined {
    return this.#groups[group - this.#groupStart]?.get(identity);
  }

  add(identity: unknown, cell: Cell): void {
    const index = cell.group - this.#groupStart;
    let cells = this.#groups[index];
    if (cells === undefined) {
      cells = new Map();
      this.#groups[index] = cells;
    }
    cells.set(identity, cell);
  }

  remove(group: number, identity: unknown): void {
    this.#groups[group - this.#groupStart]?.delete(identity);
  }

  /** Removes a group's cells and returns how many of them were alive. */
  clearGroup(group: number): number {
    let liveCount = 0;
    for (const cell of this.cellsOf(group)) if (cell.value !== undefined) liveCount += 1;
    this.#groups[group - this.#groupStart] = undefined;
    return liveCount;
  }

  cellsOf(group: number): Iterable<Cell> {
    return this.#groups[group - this.#groupStart]?.values() ?? [];
  }

  *cells(): Iterable<Cell> {
    for (const cells of this.#groups) if (cells !== undefined) yield* cells.values();
  }

  /** The groups that have cells, ascending. */
  groups(): readonly number[] {
    return this.#groups.flatMap((cells, index) =>
      cells === undefined || cells.size === 0 ? [] : [this.#groupStart + index],
    );
  }

  /** Returns any cell, or undefined if there is none; looks on from the group given. */
  firstFrom(group: number): Cell | undefined {
    for (let index = group - this.#groupStart; index < this.#groups.length; index += 1) {
      const cells = this.#groups[index];
      if (cells === undefined) continue;
      for (const cell of cells.values()) return cell;
    }
    return undefined;
  }
}
