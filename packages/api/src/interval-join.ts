import type { IntervalJoinSpec, JoinMode, UserFunction } from "@millrace/graph";

import type { DataStream, ParallelismOptions } from "./data-stream.ts";
import { requireName } from "./graph-builder.ts";
import type { JoinPlace } from "./join-place.ts";

type IntervalBounds = Omit<IntervalJoinSpec, "kind" | "type" | "mode" | "join">;

/**
 * Pairs within an interval; the verb says whose records come out without a partner too. Those do as
 * soon as the watermark says that there can be none, with the time of the last one that there could
 * have been; the missing partner is `undefined`. The function may be given a record many times: it
 * must not change it.
 */
export class IntervalJoin<Left, Right> {
  readonly #place: JoinPlace;
  readonly #bounds: IntervalBounds;

  constructor(place: JoinPlace, bounds: IntervalBounds) {
    this.#place = place;
    this.#bounds = bounds;
  }

  inner<R>(
    name: string,
    join: (left: Left, right: Right) => R,
    options: ParallelismOptions = {},
  ): DataStream<R> {
    return this.#add(name, { mode: "inner", join }, options);
  }

  left<R>(
    name: string,
    join: (left: Left, right: Right | undefined) => R,
    options: ParallelismOptions = {},
  ): DataStream<R> {
    return this.#add(name, { mode: "left", join }, options);
  }

  right<R>(
    name: string,
    join: (left: Left | undefined, right: Right) => R,
    options: ParallelismOptions = {},
  ): DataStream<R> {
    return this.#add(name, { mode: "right", join }, options);
  }

  /** At least one of both is there. */
  outer<R>(
    name: string,
    join: (left: Left | undefined, right: Right | undefined) => R,
    options: ParallelismOptions = {},
  ): DataStream<R> {
    return this.#add(name, { mode: "outer", join }, options);
  }

  #add<R>(
    name: string,
    { mode, join }: { readonly mode: JoinMode; readonly join: UserFunction<R> },
    { parallelism }: ParallelismOptions,
  ): DataStream<R> {
    requireName(name, "join");
    const { builder, inputs, createStream } = this.#place;
    const spec = { kind: "join", type: "interval", mode, join, ...this.#bounds } as const;
    return createStream(builder.add(spec, { inputs, name, parallelism }));
  }
}
