import { parseDuration, type Duration } from "@millrace/core";
import type { SlidingWindows, TumblingWindows } from "@millrace/graph";

export interface WindowAlignment {
  /** Shifts the windows from the epoch, such as `"6 hours"` for days that begin at six (UTC). */
  readonly offset?: Duration;
}

/** Returns windows of one size, side by side: `tumbling("1 hour")`. */
export function tumbling(
  size: Duration,
  { offset = "0 ms" }: WindowAlignment = {},
): TumblingWindows {
  return { kind: "tumbling", sizeMs: parseDuration(size), offsetMs: parseDuration(offset) };
}

/** Returns windows of one size, one beginning every `slide`: `sliding("10 seconds", "2 seconds")`. */
export function sliding(
  size: Duration,
  slide: Duration,
  { offset = "0 ms" }: WindowAlignment = {},
): SlidingWindows {
  return {
    kind: "sliding",
    sizeMs: parseDuration(size),
    slideMs: parseDuration(slide),
    offsetMs: parseDuration(offset),
  };
}
