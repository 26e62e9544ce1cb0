import type { Cell, DirtyCells } from "./cell.ts";

/** Takes tombstones out of their tables once a committed base covers them, in slices. */
export class TombstoneSweep {
  #covered: { readonly lists: readonly DirtyCells[]; readonly epoch: number }[] = [];

  /** Cells that were written in an epoch that is covered now. */
  add(lists: readonly DirtyCells[], epoch: number): void {
    if (lists.some(({ cells }) => cells.length > 0)) this.#covered.push({ lists, epoch });
  }

  /** Sweeps one cell a step; what is left when it is not stepped to the end stays for the next. */
  *run(): Generator<number> {
    for (;;) {
      const covered = this.#covered[0];
      if (covered === undefined) return;
      for (const { cells } of covered.lists) yield* sweep(cells, covered.epoch);
      if (this.#covered[0] === covered) this.#covered.shift();
    }
  }
}

function* sweep(cells: readonly Cell[], epoch: number): Generator<number> {
  for (const cell of cells) {
    // A tombstone that was written again is another epoch's.
    if (cell.value === undefined && cell.dirtyEpoch <= epoch) cell.table.remove(cell);
    yield 1;
  }
}
