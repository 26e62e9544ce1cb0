import type { CellTable } from "./cell.ts";
import { HeapPaneJoin } from "./heap-pane-join.ts";
import { isMapCellKey, MapTable } from "./map-table.ts";
import { isExpired, stampedOf } from "./time-to-live.ts";

interface StateKey {
  readonly key: unknown;
  readonly hash: number;
}

/**
 * Goes over the keys that have a value in the table, one key group after the other: what a caller does
 * to the keys of a group it has been given changes nothing of what is still to come. Keys
 * whose values have expired are left out.
 */
export function* keysByGroup(table: CellTable): Generator<readonly StateKey[], undefined> {
  if (table instanceof MapTable) {
    for (const group of table.groups()) yield mapKeysOf(table, group);
    return undefined;
  }
  const values = new HeapPaneJoin([table]);
  while (values.nextGroup()) {
    const keys: StateKey[] = [];
    while (values.next()) {
      const { slot, value } = values;
      if (isAlive(table, value)) keys.push({ key: values.keyAt(slot), hash: values.hashAt(slot) });
    }
    yield keys;
  }
  return undefined;
}

function mapKeysOf(table: MapTable, group: number): readonly StateKey[] {
  const keys: StateKey[] = [];
  for (const entries of table.entriesByKey(group)) {
    for (const { key, hash, value } of entries.values()) {
      if (value === undefined || !isMapCellKey(key) || !isAlive(table, value)) continue;
      keys.push({ key: key[0], hash });
      break;
    }
  }
  return keys;
}

function isAlive({ ttl }: CellTable, value: unknown): boolean {
  const stamped = ttl === undefined ? undefined : stampedOf(value);
  if (ttl === undefined || stamped === undefined) return true;
  return !isExpired(stamped, (ttl.cellsByMs ?? ttl.nowMs)(), ttl);
}
