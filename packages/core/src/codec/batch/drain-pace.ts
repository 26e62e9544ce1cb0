/**
 * How far a drain of records may go. It is a number to count down, not a question for each record:
 * asking costs as much as decoding.
 */
export interface DrainPace {
  /** Records that may be handed out until `mayGoOn` is asked; who wants a pause sooner sets it to 0. */
  left: number;
  /** Asked before a record when nothing is left: sets `left` to more than 0, or returns false. */
  mayGoOn(): boolean;
}

/** Told of the hashes, from one index up to another, of the records that are handed out next. */
export type LookAhead = (hashes: Int32Array, from: number, to: number) => void;

/** Returns a pace that never pauses. */
export function unlimitedPace(): DrainPace {
  return { left: Infinity, mayGoOn: () => true };
}
