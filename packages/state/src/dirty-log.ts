import type { CheckpointId } from "@millrace/core";

import { hasNamespace, type Cell, type CellTable, type DirtyCells } from "./cell.ts";

/** A pane that was dropped whole: in a delta it stands for the removal of all its cells. */
export interface TableDrop {
  readonly table: CellTable;
  readonly groups: readonly number[];
}

export interface ClosedEpoch {
  readonly checkpointId: CheckpointId;
  readonly epoch: number;
  readonly lists: readonly DirtyCells[];
  readonly drops: readonly TableDrop[];
}

/** What changed since a barrier, by epoch. */
export interface Changes {
  /** Changes of epochs above this one. */
  readonly afterEpoch: number;
  readonly lists: readonly (readonly DirtyCells[])[];
  readonly drops: readonly TableDrop[];
}

/** More closed epochs than this are put together: so many checkpoints in a row were aborted. */
const maxClosedEpochs = 8;

/**
 * Which cells were written in which epoch. An epoch lies between two barriers.
 *
 * I1 A cell stands in a list of the epoch of its last write, once.
 * I2 A closed epoch is kept until a barrier names a base at or after it: an aborted checkpoint needs
 *    no merging, the next delta reaches further back.
 * I3 Without a commit the log grows no larger than the state: old epochs are put together (S15). The
 *    checkpoints between them can be no base any more; one that is named all the same is unknown.
 * I4 What comes and goes between two barriers leaves nothing: cells of panes and of timers' times stand
 *    in lists of their own, which go with them. Windows that are short beside the checkpoint interval
 *    would else be kept by the list until the next barrier.
 */
export class DirtyLog {
  #epoch = 1;
  /** Of tables that stay. */
  #shared: DirtyCells = { epoch: 1, cells: [] };
  #lists: DirtyCells[] = [this.#shared];
  #drops: TableDrop[] = [];
  #closed: ClosedEpoch[] = [];
  /** What deltas reach back to, and the epoch that ended at its barrier. */
  #base: { readonly checkpointId: CheckpointId; readonly epoch: number } | undefined;

  get epoch(): number {
    return this.#epoch;
  }

  /** The epoch that ended at the barrier of what deltas reach back to; 0 if there is none. */
  get baseEpoch(): number {
    return this.#base?.epoch ?? 0;
  }

  /** Epoch 0 is what this checkpoint held. */
  startFrom(checkpointId: CheckpointId): void {
    this.#base = { checkpointId, epoch: 0 };
  }

  add(cell: Cell): void {
    if (cell.dirtyEpoch === this.#epoch) return;
    cell.dirtyEpoch = this.#epoch;
    this.#listOf(cell.table).cells.push(cell);
  }

  addDrop(table: CellTable): void {
    table.droppedEpoch = this.#epoch;
    if (table.dirty?.epoch === this.#epoch) table.dirty.cells = [];
    table.dirty = undefined;
    // No barrier has seen one that was made since the last.
    if (table.createdEpoch < this.#epoch) this.#drops.push({ table, groups: table.groups() });
  }

  /** Ends the epoch at the checkpoint's barrier; returns its number. Constant time, but for I3. */
  close(checkpointId: CheckpointId): number {
    const epoch = this.#epoch;
    this.#closed.push({ checkpointId, epoch, lists: this.#lists, drops: this.#drops });
    this.#epoch += 1;
    this.#shared = { epoch: this.#epoch, cells: [] };
    this.#lists = [this.#shared];
    this.#drops = [];
    return epoch;
  }

  #listOf(table: CellTable): DirtyCells {
    if (!hasNamespace(table.stateKind)) return this.#shared;
    const known = table.dirty;
    if (known?.epoch === this.#epoch) return known;
    const opened: DirtyCells = { epoch: this.#epoch, cells: [] };
    table.dirty = opened;
    this.#lists.push(opened);
    return opened;
  }

  /** Returns the epoch that ended at the base's barrier, or undefined if this log does not go back. */
  epochOf(base: CheckpointId): number | undefined {
    if (base === this.#base?.checkpointId) return this.#base.epoch;
    return this.#closed.find(({ checkpointId }) => checkpointId === base)?.epoch;
  }

  /** Returns what changed after the epoch, up to the last close. */
  changesAfter(afterEpoch: number): Changes {
    const closed = this.#closed.filter(({ epoch }) => epoch > afterEpoch);
    return {
      afterEpoch,
      lists: closed.map(({ lists }) => lists),
      drops: closed.flatMap(({ drops }) => drops),
    };
  }

  /** The tables that were dropped after the epoch. */
  *tablesDroppedAfter(epoch: number): Iterable<CellTable> {
    for (const closed of this.#closed) {
      if (closed.epoch > epoch) for (const { table } of closed.drops) yield table;
    }
    for (const { table } of this.#drops) yield table;
  }

  /** Forgets the epochs that a committed base covers; returns them. */
  rebase(checkpointId: CheckpointId, epoch: number): readonly ClosedEpoch[] {
    this.#base = { checkpointId, epoch };
    const covered = this.#closed.filter((closed) => closed.epoch <= epoch);
    this.#closed = this.#closed.filter((closed) => closed.epoch > epoch);
    return covered;
  }

  /**
   * Puts the oldest epochs together if there are too many; no snapshot may be running (I3). Returns
   * the last one of those, or 0 if there was nothing to do.
   */
  compact(): number {
    for (let lastEpoch = 0; ; lastEpoch = this.#closed[0]?.epoch ?? 0) {
      const [first, second, ...others] = this.#closed;
      const isFew = others.length < maxClosedEpochs;
      if (first === undefined || second === undefined || isFew) return lastEpoch;
      this.#closed = [this.#merge(first, second), ...others];
    }
  }

  #merge(first: ClosedEpoch, second: ClosedEpoch): ClosedEpoch {
    const { baseEpoch } = this;
    const neededCells = ({ epoch, lists }: ClosedEpoch): readonly Cell[] =>
      lists.flatMap(({ cells }) => cells.filter((cell) => isNeeded(cell, epoch, baseEpoch)));
    const drops = [...first.drops, ...second.drops];
    for (const { table } of drops) table.release();
    return {
      checkpointId: second.checkpointId,
      epoch: second.epoch,
      lists: [{ epoch: second.epoch, cells: [first, second].flatMap(neededCells) }],
      // A pane that the base does not know need not be dropped from it.
      drops: drops.filter(({ table }) => table.createdEpoch <= baseEpoch),
    };
  }
}

/** Whether a later delta may need the cell because of this epoch; lets go of it if none does. */
function isNeeded(cell: Cell, epoch: number, baseEpoch: number): boolean {
  // What was written again stands in a later list too.
  if (cell.dirtyEpoch > epoch || cell.table.droppedEpoch < Infinity) return false;
  if (cell.value !== undefined || cell.createdEpoch <= baseEpoch) return true;
  cell.table.remove(cell);
  return false;
}
