import type { Cell, CellTable } from "./cell.ts";
import type { TimerState } from "./contract.ts";
import type { HeapBackend } from "./heap-backend.ts";
import { TimerHeap } from "./timer-heap.ts";

/**
 * Timers as cells, one table per time, and a heap of the times. A fired or removed timer leaves a
 * tombstone; its table goes when nothing alive is left in it and the time is over.
 */
export class HeapTimerState implements TimerState {
  readonly #backend: HeapBackend;
  /** Of the state, as blocks have it. */
  readonly #name: string;
  readonly #tables = new Map<number, TimeTable>();
  #heap = new TimerHeap();

  constructor(backend: HeapBackend, name: string) {
    this.#backend = backend;
    this.#name = name;
  }

  register(timeMs: number): void {
    const table = this.#tableOf(timeMs);
    const cell = this.#backend.cellForUpdate(table.cells);
    if (cell.value !== undefined) return;
    this.#backend.assign(cell, true);
    table.liveCount += 1;
  }

  remove(timeMs: number): void {
    const table = this.#tables.get(timeMs);
    const { currentGroup, currentIdentity } = this.#backend;
    const cell = table?.cells.find(currentGroup, currentIdentity);
    if (table === undefined || cell?.value === undefined) return;
    this.#backend.removeCell(cell);
    table.liveCount -= 1;
  }

  nextTimeMs(): number {
    this.#forgetEmptyTimes();
    return this.#heap.first();
  }

  popDue(reachedMs: number): { timeMs: number; key: unknown; hash: number } | undefined {
    const timeMs = this.nextTimeMs();
    if (!(timeMs <= reachedMs)) return undefined;
    const table = this.#tables.get(timeMs);
    const cell = table === undefined ? undefined : nextLive(table);
    if (table === undefined || cell === undefined) return undefined;
    this.#backend.removeCell(cell);
    table.liveCount -= 1;
    return { timeMs, key: cell.key, hash: cell.hash };
  }

  tables(): readonly CellTable[] {
    return [...this.#tables.values()].map(({ cells }) => cells);
  }

  /** Returns the table of a time for the restorer. */
  tableOf(timeMs: number): CellTable {
    return this.#tableOf(timeMs).cells;
  }

  /** After a restore: counts, and the heap. */
  rebuild(): void {
    this.#heap = new TimerHeap();
    for (const [timeMs, table] of this.#tables) {
      table.liveCount = [...table.cells.cells()].length;
      if (table.liveCount === 0) this.#tables.delete(timeMs);
      else this.#heap.push(timeMs);
    }
  }

  #tableOf(timeMs: number): TimeTable {
    let table = this.#tables.get(timeMs);
    if (table === undefined) {
      const cells = this.#backend.newTable(this.#name, "timer", timeMs);
      table = { cells, liveCount: 0, cursor: cells.cells() };
      this.#tables.set(timeMs, table);
      this.#heap.push(timeMs);
    }
    return table;
  }

  /** A time whose timers are all gone is dropped like a pane: its tombstones go with it. */
  #forgetEmptyTimes(): void {
    for (;;) {
      const timeMs = this.#heap.first();
      const table = this.#tables.get(timeMs);
      if (table === undefined || table.liveCount > 0) return;
      this.#heap.pop();
      this.#tables.delete(timeMs);
      this.#backend.dropTable(table.cells);
    }
  }
}

interface TimeTable {
  readonly cells: CellTable;
  liveCount: number;
  /** Goes over the cells while they fire: each is looked at about once. */
  cursor: Iterator<Cell, undefined>;
}

/** Returns a cell that is alive, or undefined if there is none. */
function nextLive(table: TimeTable): Cell | undefined {
  if (table.liveCount === 0) return undefined;
  for (let round = 0; round < 2; round += 1) {
    for (;;) {
      const cell = table.cursor.next().value;
      if (cell === undefined) break;
      if (cell.value !== undefined) return cell;
    }
    // What came in behind the cursor is found from the start.
    table.cursor = table.cells.cells();
  }
  return undefined;
}
