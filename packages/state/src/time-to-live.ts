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
  /**
   * The time by which a cell is handed out no more; `nowMs` by default. A list says `passedMs`: its
   * elements expire one by one, and one that is expired for this reader may not be for the next, whose
   * event time is lower.
   */
  readonly cellsByMs?: () => number;
}

/** What a cell of a state with a time to live holds. */
export interface Stamped {
  /** NaN for what was restored from a state without one: it counts from when it is looked at. */
  stampMs: number;
  value: unknown;
  /**
   * Whether an earlier checkpoint may hold another value of the key with a later stamp, or with none:
   * where one was cleared, or had no time to live. Then it does not go without a tombstone.
   */
  readonly mayComeBack: boolean;
}

/** Whether nobody sees the entry at the time any more. */
export function isExpired(stamped: Stamped, timeMs: number, { afterMs }: TimeToLive): boolean {
  if (timeMs === -Infinity) return false;
  if (Number.isNaN(stamped.stampMs)) stamped.stampMs = timeMs;
  return timeMs >= stamped.stampMs + afterMs;
}

/** Whether the cell is expired at the time for good: whatever a restore brings back is, too. */
export function isOverForGood({ value, table: { ttl } }: Cell, timeMs: number): boolean {
  const stamped = stampedOf(value);
  if (stamped === undefined || stamped.mayComeBack || ttl === undefined) return false;
  return isExpired(stamped, timeMs, ttl);
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
