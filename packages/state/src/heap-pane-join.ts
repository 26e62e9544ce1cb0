import type { Cell, CellTable } from "./cell.ts";
import type { PaneJoin } from "./contract.ts";
import { noEntry } from "./entry-arena.ts";
import { KeySlots } from "./key-slots.ts";
import { valueIn } from "./number-entry.ts";
import type { NumberGroup } from "./number-group.ts";
import { hashIn, isLiveIn, nextIn } from "./number-key.ts";

/**
 * The values of some panes by key. Group by group, so that what it looks up in is small: of a million
 * keys in 128 groups a few hundred KiB.
 *
 * I1 A value costs one look-up, of its key among the group's; none where there is one pane only.
 */
export class HeapPaneJoin implements PaneJoin<unknown> {
  readonly #tables: readonly CellTable[];
  readonly #groups: readonly number[];
  readonly #slots = new KeySlots();
  #groupIndex = -1;
  #tableIndex = 0;
  #cells: Iterator<Cell, unknown> | undefined;
  #numbers: NumberGroup | undefined;
  #address: number = noEntry;
  value: unknown;
  slot = 0;

  /** The tables in the order in which their values come. */
  constructor(tables: readonly CellTable[]) {
    this.#tables = tables;
    this.#groups = [...new Set(tables.flatMap((table) => table.groups()))].toSorted(
      (left, right) => left - right,
    );
  }

  nextGroup(): boolean {
    this.#groupIndex += 1;
    this.#slots.clear();
    if (this.#groupIndex >= this.#groups.length) return false;
    this.#openTable(0);
    return true;
  }

  next(): boolean {
    for (;;) {
      if (this.#address !== noEntry) {
        if (this.#takeNumber()) return true;
      } else if (this.#cells !== undefined) {
        if (this.#takeCell(this.#cells)) return true;
      } else if (!this.#openTable(this.#tableIndex + 1)) return false;
    }
  }

  keyAt(slot: number): unknown {
    return this.#slots.keyAt(slot);
  }

  hashAt(slot: number): number {
    return this.#slots.hashAt(slot);
  }

  /** Goes to the group's part in a table; false if there are no more tables. */
  #openTable(tableIndex: number): boolean {
    const table = this.#tables[tableIndex];
    const group = this.#groups[this.#groupIndex];
    if (table === undefined || group === undefined) return false;
    this.#tableIndex = tableIndex;
    this.#numbers = table.numbers?.groupOf(group);
    this.#address = this.#numbers?.first() ?? noEntry;
    this.#cells = table.cellsOf(group)[Symbol.iterator]();
    return true;
  }

  /** Takes the next entry of the table's numbers; false if it has no value. */
  #takeNumber(): boolean {
    const numbers = this.#numbers;
    if (numbers === undefined) return false;
    const address = this.#address;
    const chunk = numbers.chunkOf(address);
    const next = nextIn(chunk, address);
    this.#address = next === noEntry ? numbers.next(address) : next;
    if (!isLiveIn(chunk, address)) return false;
    const hash = hashIn(chunk, address);
    const isOnly = this.#tables.length === 1;
    this.value = valueIn(chunk, address);
    this.slot = isOnly
      ? this.#slots.addEntry(hash, chunk, address)
      : this.#slots.slotOfEntry(hash, chunk, address);
    return true;
  }

  #takeCell(cells: Iterator<Cell, unknown>): boolean {
    const next = cells.next();
    if (next.done === true) {
      this.#cells = undefined;
      return false;
    }
    const { key, hash, value } = next.value;
    if (value === undefined) return false;
    this.value = value;
    this.slot =
      this.#tables.length === 1 ? this.#slots.add(hash, key) : this.#slots.slotOf(hash, key);
    return true;
  }
}
