import type { CheckpointId } from "@millrace/core";

import type { Cell, CellTable } from "./cell.ts";

/** A pane that was dropped whole: in a delta it stands for the removal of all its cells. */
export interface TableDrop {
  readonly table: CellTable;
  readonly groups: readonly number[];
}

interface ClosedEpoch {
  readonly checkpointId: CheckpointId;
  readonly epoch: number;
  readonly cells: readonly Cell[];
  readonly drops: readonly TableDrop[];
}

/** What changed since a barrier, by epoch. */
export interface Changes {
  /** Changes of epochs above this one. */
  readonly afterEpoch: number;
  readonly cells: readonly (readonly Cell[])[];
  readonly drops: readonly TableDrop[];
}

/**
 * Which cells were written in which epoch. An epoch lies between two barriers.
 *
 * I1 A cell stands once in the list of each epoch in which it was written.
 * I2 A closed epoch is kept until a barrier names a base at or after it: an aborted checkpoint needs
 *    no merging, the next delta reaches further back.
 */
export class DirtyLog {
  #epoch = 1;
  #cells: Cell[] = [];
  #drops: TableDrop[] = [];
  #closed: ClosedEpoch[] = [];
  #restoredFrom: CheckpointId | undefined;

  get epoch(): number {
    return this.#epoch;
  }

  /** Epoch 0 is what this checkpoint held. */
  startFrom(checkpointId: CheckpointId): void {
    this.#restoredFrom = checkpointId;
  }

  add(cell: Cell): void {
    if (cell.dirtyEpoch === this.#epoch) return;
    cell.dirtyEpoch = this.#epoch;
    this.#cells.push(cell);
  }

  addDrop(drop: TableDrop): void {
    this.#drops.push(drop);
  }

  /** Ends the epoch at the checkpoint's barrier; returns its number. Constant time. */
  close(checkpointId: CheckpointId): number {
    const epoch = this.#epoch;
    this.#closed.push({ checkpointId, epoch, cells: this.#cells, drops: this.#drops });
    this.#cells = [];
    this.#drops = [];
    this.#epoch += 1;
    return epoch;
  }

  /** Returns the epoch that ended at the base's barrier, or undefined if this log does not go back. */
  epochOf(base: CheckpointId): number | undefined {
    if (base === this.#restoredFrom) return 0;
    return this.#closed.find(({ checkpointId }) => checkpointId === base)?.epoch;
  }

  /** Returns what changed after the epoch, up to the last close. */
  changesAfter(afterEpoch: number): Changes {
    const closed = this.#closed.filter(({ epoch }) => epoch > afterEpoch);
    return {
      afterEpoch,
      cells: closed.map(({ cells }) => cells),
      drops: closed.flatMap(({ drops }) => drops),
    };
  }

  /** Forgets the epochs up to this one and returns the cells that were written in them. */
  forgetUpTo(epoch: number): readonly (readonly Cell[])[] {
    const forgotten = this.#closed.filter((closed) => closed.epoch <= epoch);
    this.#closed = this.#closed.filter((closed) => closed.epoch > epoch);
    if (epoch > 0) this.#restoredFrom = undefined;
    return forgotten.map(({ cells }) => cells);
  }
}
