import type { Cell } from "./cell.ts";

/**
 * When the entries of a state expire: `afterMs` behind their last write, or read, by a time that the
 * operator keeps. An entry is expired from `stamp + afterMs` on, inclusive.
 */
export interface TimeToLive {
  readonly afterMs: number;
  /** Whether reading an entry counts as writing it. */
  readonly refreshesOnRead: boolean;
  /** The time of what reads or writes now; -Infinity if it has none: nothing is expired then. */
  readonly nowMs: () => number;
  /**
   * A time that `nowMs` never falls below again, also behind a restore of what is snapshotted from now
   * on: what is expired by it is never seen again. -Infinity as long as there is none.
   */
  readonly passedMs: () => number;
}

/** What a cell of a state with a time to live holds. */
export interface Stamped {
  /** NaN for what was restored from a state without one: it counts from when it is looked at. */
  stampMs: number;
  value: unknown;
}

/** Whether nobody sees the entry at the time any more. */
export function isExpired(stamped: Stamped, timeMs: number, { afterMs }: TimeToLive): boolean {
  if (timeMs === -Infinity) return false;
  if (Number.isNaN(stamped.stampMs)) stamped.stampMs = timeMs;
  return timeMs >= stamped.stampMs + afterMs;
}

/** Whether nobody sees the cell of a state with a time to live at the time any more. */
export function isCellExpired({ value, table }: Cell, timeMs: number): boolean {
  const stamped = stampedOf(value);
  return stamped !== undefined && table.ttl !== undefined && isExpired(stamped, timeMs, table.ttl);
}

/** Returns the later one of an entry's stamp, which may be NaN, and the time. */
export function laterStamp(stampMs: number, timeMs: number): number {
  return stampMs > timeMs ? stampMs : timeMs;
}

/** Returns what a cell holds; throws nothing: a cell of such a state holds nothing else. */
export function stampedOf(value: unknown): Stamped | undefined {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the states and the restorer put nothing else in
  return value as Stamped | undefined;
}
