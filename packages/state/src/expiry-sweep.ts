import type { Cell, CellTable } from "./cell.ts";
import type { HeapBackend } from "./heap-backend.ts";
import { isExpired, stampedOf, type TimeToLive } from "./time-to-live.ts";

/** More than one for each write, so that a pass ends; few, as each is a wait for memory. */
const cellsPerStep = 4;

/**
 * Takes expired cells out of a table a few at a time, as it is written to: memory follows what is
 * alive although nobody reads what is expired (Flink's incremental cleanup).
 *
 * I1 What is taken out leaves no tombstone: what a restore brings back has no later stamp, so it is
 *    expired too. Where that is not sure, it leaves one.
 * I2 Between two passes no cell is looked at before one can have expired.
 * I3 The table holds at most what was alive within the last pass, and a pass looks at each cell once:
 *    at most about a third more than what is alive.
 */
export class ExpirySweep {
  readonly #backend: HeapBackend;
  readonly #table: CellTable;
  readonly #ttl: TimeToLive;
  /** Of the pass that goes on; undefined between two. */
  #groups: readonly number[] | undefined;
  #groupIndex = 0;
  #cells: Iterator<Cell> | undefined;
  #leastStampMs = Infinity;
  #dueMs = -Infinity;

  constructor(backend: HeapBackend, table: CellTable, ttl: TimeToLive) {
    this.#backend = backend;
    this.#table = table;
    this.#ttl = ttl;
  }

  step(): void {
    const passedMs = this.#ttl.passedMs();
    if (passedMs === -Infinity) return;
    if (this.#groups === undefined) {
      if (passedMs < this.#dueMs) return;
      this.#begin(passedMs);
    }
    for (let count = 0; count < cellsPerStep; count += 1) {
      const cell = this.#next();
      if (cell === undefined) {
        this.#dueMs = this.#leastStampMs + this.#ttl.afterMs;
        this.#groups = undefined;
        return;
      }
      this.#look(cell, passedMs);
    }
  }

  #begin(passedMs: number): void {
    this.#groups = this.#table.groups();
    this.#groupIndex = 0;
    this.#cells = undefined;
    // What comes in behind the pass is stamped from here on.
    this.#leastStampMs = passedMs;
  }

  #look(cell: Cell, passedMs: number): void {
    const stamped = stampedOf(cell.value);
    if (stamped === undefined) return;
    if (isExpired(stamped, passedMs, this.#ttl)) this.#backend.expire(cell);
    else this.#leastStampMs = Math.min(this.#leastStampMs, stamped.stampMs);
  }

  #next(): Cell | undefined {
    for (;;) {
      const result = this.#cells?.next();
      if (result !== undefined && result.done !== true) return result.value;
      const group = this.#groups?.[this.#groupIndex];
      if (group === undefined) return undefined;
      this.#groupIndex += 1;
      this.#cells = this.#table.cellsOf(group)[Symbol.iterator]();
    }
  }
}
