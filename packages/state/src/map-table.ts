import { assert, identityOf } from "@millrace/core";

import { CellTable, type Cell, type CellTableOptions } from "./cell.ts";

/** The key of an entry's cell: the record's key and the key within its map. */
export type MapCellKey = readonly [key: unknown, mapKey: unknown];

/** The entries of one key. */
type Entries = Map<unknown, Cell>;

/** The cells of a map state: one for each entry, found by the key and then by the key in its map. */
export class MapTable extends CellTable {
  readonly #byGroup = new Map<number, Map<unknown, Entries>>();

  constructor(options: CellTableOptions) {
    super(options);
  }

  /** Returns the entries of a key, removed ones too; in the order in which they came in. */
  entriesOf(group: number, keyIdentity: unknown): ReadonlyMap<unknown, Cell> | undefined {
    return this.#byGroup.get(group)?.get(keyIdentity);
  }

  /** Returns the entries of each key of the group, as `entriesOf`. */
  entriesByKey(group: number): Iterable<ReadonlyMap<unknown, Cell>> {
    return this.#byGroup.get(group)?.values() ?? [];
  }

  addEntry(keyIdentity: unknown, mapKeyIdentity: unknown, cell: Cell): void {
    let byKey = this.#byGroup.get(cell.group);
    if (byKey === undefined) {
      byKey = new Map();
      this.#byGroup.set(cell.group, byKey);
    }
    const entries = byKey.get(keyIdentity);
    if (entries === undefined) byKey.set(keyIdentity, new Map([[mapKeyIdentity, cell]]));
    else entries.set(mapKeyIdentity, cell);
  }

  override findKey(group: number, key: unknown): Cell | undefined {
    const [ownKey, mapKey] = partsOf(key);
    return this.entriesOf(group, identityOf(ownKey))?.get(identityOf(mapKey));
  }

  override addKey(cell: Cell): void {
    const [ownKey, mapKey] = partsOf(cell.key);
    this.addEntry(identityOf(ownKey), identityOf(mapKey), cell);
  }

  override remove(cell: Cell): void {
    const [ownKey, mapKey] = partsOf(cell.key);
    const byKey = this.#byGroup.get(cell.group);
    const keyIdentity = identityOf(ownKey);
    const entries = byKey?.get(keyIdentity);
    const identity = identityOf(mapKey);
    if (byKey === undefined || entries?.get(identity) !== cell) return;
    entries.delete(identity);
    if (entries.size === 0) byKey.delete(keyIdentity);
  }

  override clearGroup(group: number, restoreNumber: number): number {
    let liveCount = 0;
    for (const cell of this.cellsOf(group)) {
      if (cell.encodedBy >= restoreNumber) continue;
      if (cell.value !== undefined) liveCount += 1;
      this.remove(cell);
    }
    return liveCount;
  }

  override release(): void {
    this.#byGroup.clear();
  }

  override *cellsOf(group: number): Generator<Cell, undefined> {
    for (const entries of this.#byGroup.get(group)?.values() ?? []) yield* entries.values();
    return undefined;
  }

  override groups(): readonly number[] {
    return [...this.#byGroup].flatMap(([group, byKey]) => (byKey.size > 0 ? [group] : []));
  }
}

/** Only entries are put in: the restorer checks what it reads. */
function partsOf(key: unknown): readonly [unknown, unknown] {
  assert(isMapCellKey(key), "a cell of a map state has two keys");
  return key;
}

/** Whether it is the key of an entry. */
export function isMapCellKey(key: unknown): key is MapCellKey {
  return Array.isArray(key) && key.length === 2;
}
