import { parseDuration, type Duration } from "@millrace/core";
import type {
  CountWindows,
  GlobalWindows,
  SessionWindows as ErasedSessionWindows,
  SlidingWindows,
  TumblingWindows,
} from "@millrace/graph";

export interface WindowAlignment {
  /** Shifts the windows from the epoch, such as `"6 hours"` for days that begin at six (UTC). */
  readonly offset?: Duration;
  /**
   * `"processing"`: by the clock of the machine on which a record arrives, instead of the record's own
   * time. Nothing is late then, and results differ from run to run. What is open at the end of input
   * is dropped.
   */
  readonly time?: "processing";
}

/** Sessions over records of a type. */
export interface SessionWindows<T> extends Omit<ErasedSessionWindows, "gapMs"> {
  readonly gapMs: number | ((record: T) => number);
}

/** How records are put into windows: what `tumbling`, `sliding`, `session`, `count` and `global` return. */
export type WindowAssigner<T> =
  | TumblingWindows
  | SlidingWindows
  | SessionWindows<T>
  | CountWindows
  | GlobalWindows;

/** Returns windows of one size, side by side: `tumbling("1 hour")`. */
export function tumbling(
  size: Duration,
  { offset = "0 ms", time }: WindowAlignment = {},
): TumblingWindows {
  const alignment = { offsetMs: parseDuration(offset), ...(time === undefined ? {} : { time }) };
  return { kind: "tumbling", sizeMs: parseDuration(size), ...alignment };
}

/** Returns windows of one size, one beginning every `slide`: `sliding("10 seconds", "2 seconds")`. */
export function sliding(
  size: Duration,
  slide: Duration,
  { offset = "0 ms", time }: WindowAlignment = {},
): SlidingWindows {
  const alignment = { offsetMs: parseDuration(offset), ...(time === undefined ? {} : { time }) };
  const [sizeMs, slideMs] = [parseDuration(size), parseDuration(slide)];
  return { kind: "sliding", sizeMs, slideMs, ...alignment };
}

/**
 * Returns windows that end once there was no record of the key for `gap`: `session("10 minutes")`, or
 * `session((event) => event.gapMs)` with a gap in milliseconds for each record. A record lies in the
 * window from its time to a gap behind it; windows that overlap or touch are one.
 */
export function session<T>(
  gap: Duration | ((record: T) => number),
  { time }: Pick<WindowAlignment, "time"> = {},
): SessionWindows<T> {
  const gapMs = typeof gap === "function" ? gap : parseDuration(gap);
  return { kind: "session", gapMs, ...(time === undefined ? {} : { time }) };
}

/**
 * Returns windows of `size` records of a key, in the order in which they arrive: `count(100)`. With a
 * `slide`, one of the last `size` after every `slide` of them: `count(100, { slide: 10 })`; the first
 * ones have fewer. The `window` of their results has no bounds, and the results the greatest event
 * time of their records.
 */
export function count(
  size: number,
  { slide = size }: { readonly slide?: number } = {},
): CountWindows {
  return { kind: "count", size, slide };
}

/**
 * Returns one window over all of time. It fires at the end of input, unless a trigger says when. Its
 * bounds are infinite, and its results have the greatest event time of their records.
 */
export function global(): GlobalWindows {
  return { kind: "global" };
}
