import { parseDuration, type Duration } from "@millrace/core";

import { IntervalJoin } from "./interval-join.ts";
import type { JoinPlace } from "./join-place.ts";
import type { TagFor } from "./process.ts";
import { WindowJoin } from "./window-join.ts";
import type { WindowOptions } from "./window-place.ts";
import type { WindowAssigner } from "./windows.ts";

/** How far a right record may be from a left one: from `left + lower` to `left + upper`. */
export interface JoinInterval<Left, Right> {
  /** Below 0 for right records before the left one, as `"-5 minutes"`. */
  readonly lower: Duration;
  readonly upper: Duration;
  /** Whether a distance of exactly the bound is outside; not unless true. */
  readonly lowerExclusive?: boolean;
  readonly upperExclusive?: boolean;
  /** Where late records go, to be read by `sideOutput`; they are dropped and counted unless given. */
  readonly lateLeftTo?: TagFor<Left>;
  readonly lateRightTo?: TagFor<Right>;
}

/** Two keyed streams that are to be joined: records of one key meet, if they are near in time. */
export class JoinedStreams<Left, Right, K> {
  readonly #place: JoinPlace;
  /** Only types use it. */
  declare protected readonly recordTypes: readonly [Left, Right, K];

  constructor(place: JoinPlace) {
    this.#place = place;
  }

  /**
   * Joins records whose event times are near each other (Flink's interval join, Kafka Streams'
   * JoinWindows): a pair comes out once, as soon as both are there, with the later time of both. A
   * record at or before the watermark is late. Every source before it needs `watermarks`. Throws
   * `invalid-argument` for a bound that is no duration.
   */
  within(interval: JoinInterval<Left, Right>): IntervalJoin<Left, Right> {
    const { lower, upper, lowerExclusive = false, upperExclusive = false } = interval;
    const { lateLeftTo, lateRightTo } = interval;
    return new IntervalJoin(this.#place, {
      lowerMs: parseBound(lower),
      upperMs: parseBound(upper),
      isLowerExclusive: lowerExclusive,
      isUpperExclusive: upperExclusive,
      ...(lateLeftTo === undefined ? {} : { lateLeftTo: lateLeftTo.name }),
      ...(lateRightTo === undefined ? {} : { lateRightTo: lateRightTo.name }),
    });
  }

  /**
   * Joins records that are in one window (Flink's window join and co-group): results come when the
   * window fires, with its end - 1 as time. For windows of event time every source before it needs
   * `watermarks`. With an allowed lateness or a trigger a window may fire again, with all its pairs.
   */
  window(
    assigner: JoinWindows<Left | Right>,
    options: JoinWindowOptions<Left | Right> = {},
  ): WindowJoin<Left, Right, K> {
    return new WindowJoin(this.#place, { assigner, options });
  }
}

/** Windows of both streams; those by number of records would count both. */
type JoinWindows<T> = Exclude<WindowAssigner<T>, { readonly kind: "count" }>;

/** An evictor could not tell the two streams apart. */
type JoinWindowOptions<T> = Omit<WindowOptions<T>, "evictor">;

function parseBound(bound: string): number {
  const text = bound.trim();
  return text.startsWith("-") ? -parseDuration(text.slice(1)) : parseDuration(text);
}
