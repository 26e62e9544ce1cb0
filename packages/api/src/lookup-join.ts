import type { JoinSpec, TableInput, UserFunction } from "@millrace/graph";

import type { DataStream, ParallelismOptions } from "./data-stream.ts";
import { requireName } from "./graph-builder.ts";
import type { JoinPlace } from "./join-place.ts";

/** Which row of its key a record meets: the one that is there, or the one of its event time. */
export type LookupTime = "lookup" | "temporal";

/**
 * A keyed stream beside a table: each record comes out once at most, with its own event time, and
 * with the row of its key. `inner` drops records without a row; `left` gives them undefined.
 */
export class LookupJoin<T, V> {
  readonly #place: JoinPlace;
  readonly #type: LookupTime;
  readonly #right: TableInput;
  /** Only types use it. */
  declare protected readonly types: readonly [T, V];

  constructor(place: JoinPlace, type: LookupTime, right: TableInput) {
    this.#place = place;
    this.#type = type;
    this.#right = right;
  }

  inner<R>(
    name: string,
    join: (record: T, row: V) => R,
    options: ParallelismOptions = {},
  ): DataStream<R> {
    return this.#add(name, { mode: "inner", join }, options);
  }

  left<R>(
    name: string,
    join: (record: T, row: V | undefined) => R,
    options: ParallelismOptions = {},
  ): DataStream<R> {
    return this.#add(name, { mode: "left", join }, options);
  }

  #add<R>(
    name: string,
    join: { readonly mode: "inner" | "left"; readonly join: UserFunction<R> },
    { parallelism }: ParallelismOptions,
  ): DataStream<R> {
    requireName(name, "join");
    const { builder, inputs, createStream } = this.#place;
    const { valueOf } = this.#right;
    const spec: JoinSpec =
      this.#type === "lookup"
        ? { kind: "join", type: "lookup", ...join, right: this.#right }
        : { kind: "join", type: "temporal", ...join, right: { valueOf } };
    return createStream(builder.add(spec, { inputs, name, parallelism }));
  }
}
