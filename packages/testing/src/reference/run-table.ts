import {
  keepsLeft,
  keepsRight,
  type LookupJoinSpec,
  type TableJoinSpec,
  type TableSpec,
  type TemporalJoinSpec,
} from "@millrace/graph";

import type { KeyGroup, Received, Timed } from "./records.ts";

/** Returns the changes of a table; records come by time. */
export function runTable(spec: TableSpec, { key, records }: KeyGroup): readonly Timed[] {
  let before: unknown = null;
  return byTime(records).flatMap(({ value, atMs }) => {
    const change = { key, before, after: spec.valueOf(value) ?? null };
    before = change.after;
    return change.before === null && change.after === null ? [] : [{ value: change, atMs }];
  });
}

/** Returns the changes of two joined tables; records come by time. */
export function runTableJoin(spec: TableJoinSpec, { key, records }: KeyGroup): readonly Timed[] {
  let left: Timed | undefined;
  let right: Timed | undefined;
  const join = (): unknown => {
    const isRow =
      (left !== undefined && (right !== undefined || keepsLeft(spec.mode))) ||
      (right !== undefined && keepsRight(spec.mode) && left === undefined);
    return isRow ? (spec.join(left?.value, right?.value) ?? null) : null;
  };
  return byTime(records).flatMap(({ value, atMs, input }) => {
    const before = join();
    const row: unknown = (input === 0 ? spec.left : spec.right).valueOf(value) ?? null;
    const other = input === 0 ? right : left;
    const updated = row === null ? undefined : { value: row, atMs };
    if (input === 0) left = updated;
    else right = updated;
    const after = join();
    if (before === null && after === null) return [];
    const laterMs = Math.max(atMs, other?.atMs ?? -Infinity);
    return [{ value: { key, before, after }, atMs: laterMs }];
  });
}

/** Returns each left record with the last row at or before its time. */
export function runTemporalJoin(
  spec: TemporalJoinSpec | LookupJoinSpec,
  { records }: KeyGroup,
): readonly Timed[] {
  const versions = byTime(records.filter(({ input }) => input === 1));
  return records
    .filter(({ input }) => input === 0)
    .flatMap(({ value, atMs }) => {
      const version = versions.findLast((each) => each.atMs <= atMs);
      const row: unknown =
        version === undefined ? null : (spec.right.valueOf(version.value) ?? null);
      if (row === null && spec.mode === "inner") return [];
      return [{ value: spec.join(value, row ?? undefined), atMs }];
    });
}

/** Of equal times in the order in which they came. */
function byTime(records: readonly Received[]): readonly Received[] {
  return records.toSorted((left, right) => left.atMs - right.atMs);
}
