import { identityOf, keyGroupOf } from "@millrace/core";

import type { CellCounts } from "./cell-counts.ts";
import { assignValue, newCell, type CellTable } from "./cell.ts";
import { noEntry } from "./entry-arena.ts";

/** A cell as a block has it. */
export interface RestoredCell {
  readonly key: unknown;
  readonly hash: number;
  /** undefined: a tombstone. */
  readonly value: unknown;
  /** Of a stamped value, if it has one. */
  readonly stampMs?: number;
  readonly restoreNumber: number;
}

/** Puts cells in as a snapshot had them: clean. */
export class RestoredCells {
  readonly #counts: CellCounts;
  readonly #maxParallelism: number;

  constructor(options: { readonly counts: CellCounts; readonly maxParallelism: number }) {
    this.#counts = options.counts;
    this.#maxParallelism = options.maxParallelism;
  }

  restore(table: CellTable, restored: RestoredCell): void {
    const { key, hash, value, restoreNumber } = restored;
    const group = keyGroupOf(hash, this.#maxParallelism);
    if (this.#restoreNumber(table, restored, group)) return;
    let cell = table.findKey(group, key);
    if (value === undefined) {
      if (cell === undefined) return;
      assignValue(cell, undefined, this.#counts);
      table.remove(cell);
      return;
    }
    if (cell === undefined) {
      cell = newCell({ table, key, hash, group }, 0);
      table.addKey(cell);
    }
    const { stampMs = Number.NaN } = restored;
    const mayComeBack = Number.isNaN(stampMs);
    const stamped = table.ttl === undefined ? value : { stampMs, value, mayComeBack };
    assignValue(cell, stamped, this.#counts);
    cell.encodedBy = restoreNumber;
  }

  /** Forgets a group's cells in one table, as far as they are of earlier restores. */
  clearGroup(table: CellTable, group: number, restoreNumber: number): void {
    this.#counts.add(group, -table.clearGroup(group, restoreNumber));
  }

  /** Takes the key into the table's numbers or out of them; true if it has no cell. */
  #restoreNumber(table: CellTable, restored: RestoredCell, group: number): boolean {
    if (table.numbers === undefined) return false;
    const { key, hash, value, restoreNumber } = restored;
    const numbers = table.numbers.ownGroup(group);
    let address = numbers.find(key, hash);
    if (typeof value !== "number") {
      if (address === noEntry) return false;
      this.#counts.add(group, numbers.valueOf(address) === undefined ? 0 : -1);
      numbers.free(address);
      return value === undefined;
    }
    if (address === noEntry) {
      if (table.find(group, identityOf(key)) !== undefined) return false;
      address = numbers.add(key, hash, 0);
      if (address === noEntry) return false;
    }
    this.#counts.add(group, numbers.setValue(address, value));
    numbers.noteEncoded(address, restoreNumber);
    return true;
  }
}
