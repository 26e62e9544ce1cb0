import { parseDuration, type Duration } from "@millrace/core";
import type { SlidingWindows, TumblingWindows } from "@millrace/graph";

import { IntervalJoin } from "./interval-join.ts";
import type { JoinPlace } from "./join-place.ts";
import type { TagFor } from "./process.ts";
import { WindowJoin } from "./window-join.ts";

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
   * Joins records that are in one event-time window (Flink's window join and co-group): results come
   * when the window fires, with its end - 1 as time. Every source before it needs `watermarks`.
   */
  window(
    assigner: TumblingWindows | SlidingWindows,
    { allowedLateness = "0 ms" }: { readonly allowedLateness?: Duration } = {},
  ): WindowJoin<Left, Right, K> {
    return new WindowJoin(this.#place, assigner, parseDuration(allowedLateness));
  }
}

function parseBound(bound: string): number {
  const text = bound.trim();
  return text.startsWith("-") ? -parseDuration(text.slice(1)) : parseDuration(text);
}
