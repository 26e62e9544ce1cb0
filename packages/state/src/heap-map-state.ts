import { identityOf, ownKey } from "@millrace/core";

import type { Cell } from "./cell.ts";
import type { MapState } from "./contract.ts";
import { ExpirySweep } from "./expiry-sweep.ts";
import type { HeapBackend } from "./heap-backend.ts";
import { isMapCellKey, type MapTable } from "./map-table.ts";
import { isExpired, laterStamp, stampedOf } from "./time-to-live.ts";

/**
 * The handle of a map state: a cell for each entry, so that a delta holds the entries that changed.
 *
 * I1 With a time to live each entry expires by itself; what is expired is not handed out.
 */
export class HeapMapState implements MapState<unknown, unknown> {
  readonly #backend: HeapBackend;
  readonly #table: MapTable;
  readonly #sweep: ExpirySweep | undefined;

  constructor(backend: HeapBackend, table: MapTable) {
    const { ttl } = table;
    this.#backend = backend;
    this.#table = table;
    this.#sweep = ttl === undefined ? undefined : new ExpirySweep(backend, table, ttl);
  }

  get(key: unknown): unknown {
    const cell = this.#entries()?.get(identityOf(key));
    return cell === undefined ? undefined : this.#read(cell);
  }

  has(key: unknown): boolean {
    const cell = this.#entries()?.get(identityOf(key));
    return cell !== undefined && this.#read(cell) !== undefined;
  }

  set(key: unknown, value: unknown): void {
    const backend = this.#backend;
    const { ttl } = this.#table;
    this.#sweep?.step();
    const identity = identityOf(key);
    let cell = this.#entries()?.get(identity);
    const isCleared = cell !== undefined && cell.value === undefined;
    if (cell === undefined) {
      cell = backend.addEntry(this.#table, ownKey(key), identity);
    } else backend.touch(cell);
    if (ttl === undefined) {
      backend.assign(cell, value);
      return;
    }
    const before = stampedOf(cell.value);
    const stampMs = laterStamp(before?.stampMs ?? Number.NaN, ttl.nowMs());
    backend.assign(cell, { stampMs, value, mayComeBack: before?.mayComeBack ?? isCleared });
  }

  delete(key: unknown): void {
    const cell = this.#entries()?.get(identityOf(key));
    if (cell?.value !== undefined) this.#backend.removeCell(cell);
  }

  clear(): void {
    for (const cell of this.#entries()?.values() ?? []) {
      if (cell.value !== undefined) this.#backend.removeCell(cell);
    }
  }

  isEmpty(): boolean {
    for (const cell of this.#entries()?.values() ?? []) {
      if (this.#peek(cell) !== undefined) return false;
    }
    return true;
  }

  *entries(): Generator<readonly [unknown, unknown], undefined> {
    for (const cell of this.#entries()?.values() ?? []) {
      if (!isMapCellKey(cell.key)) continue;
      const value = this.#read(cell);
      if (value !== undefined) yield [cell.key[1], value];
    }
    return undefined;
  }

  /** Of the current key. */
  #entries(): ReadonlyMap<unknown, Cell> | undefined {
    const { currentGroup, currentIdentity } = this.#backend;
    return this.#table.entriesOf(currentGroup, currentIdentity);
  }

  /** Returns the cell's value for the author, and counts that as reading it. */
  #read(cell: Cell): unknown {
    const value = this.#peek(cell);
    const { ttl } = this.#table;
    if (value === undefined || ttl?.refreshesOnRead !== true) return value;
    const stamped = stampedOf(cell.value);
    const stampMs = laterStamp(stamped?.stampMs ?? Number.NaN, ttl.nowMs());
    if (stamped === undefined || stamped.stampMs === stampMs) return value;
    this.#backend.touch(cell);
    stamped.stampMs = stampMs;
    return value;
  }

  #peek(cell: Cell): unknown {
    const { ttl } = this.#table;
    if (ttl === undefined) return cell.value;
    const stamped = stampedOf(cell.value);
    if (stamped === undefined || isExpired(stamped, ttl.nowMs(), ttl)) return undefined;
    return stamped.value;
  }
}
