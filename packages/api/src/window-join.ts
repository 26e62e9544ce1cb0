import type { SlidingWindows, TumblingWindows, WindowSpec } from "@millrace/graph";

import type { DataStream, ParallelismOptions } from "./data-stream.ts";
import { requireName } from "./graph-builder.ts";
import type { JoinPlace } from "./join-place.ts";
import type { TimeWindow } from "./window-functions.ts";

/** What a key has in a window on both sides, each as it came; at least one is not empty. */
export interface CoGroup<Left, Right, K> {
  readonly key: K;
  readonly window: TimeWindow;
  readonly left: readonly Left[];
  readonly right: readonly Right[];
}

/** Emits one result; for functions that have several or none. */
type Emit<R> = (value: R) => void;

/**
 * Two keyed streams window by window. `inner`, `left`, `right` and `outer` call their function for
 * each pair of a key and window, and once for a record whose other side is empty where the verb says
 * so; `coGroup` sees both sides whole. A window holds all its records until it fires.
 */
export class WindowJoin<Left, Right, K> {
  readonly #place: JoinPlace;
  readonly #windows: Pick<WindowSpec, "assigner" | "allowedLatenessMs">;

  constructor(
    place: JoinPlace,
    assigner: TumblingWindows | SlidingWindows,
    allowedLatenessMs: number,
  ) {
    this.#place = place;
    this.#windows = { assigner, allowedLatenessMs };
  }

  inner<R>(
    name: string,
    join: (left: Left, right: Right) => R,
    options: ParallelismOptions = {},
  ): DataStream<R> {
    return this.coGroup<R>(
      name,
      ({ left, right }, emit) => {
        for (const one of left) for (const other of right) emit(join(one, other));
      },
      options,
    );
  }

  left<R>(
    name: string,
    join: (left: Left, right: Right | undefined) => R,
    options: ParallelismOptions = {},
  ): DataStream<R> {
    return this.coGroup<R>(
      name,
      ({ left, right }, emit) => {
        const others = orNobody(right);
        for (const one of left) for (const other of others) emit(join(one, other));
      },
      options,
    );
  }

  right<R>(
    name: string,
    join: (left: Left | undefined, right: Right) => R,
    options: ParallelismOptions = {},
  ): DataStream<R> {
    return this.coGroup<R>(
      name,
      ({ left, right }, emit) => {
        for (const one of orNobody(left)) for (const other of right) emit(join(one, other));
      },
      options,
    );
  }

  /** At least one of both is there. */
  outer<R>(
    name: string,
    join: (left: Left | undefined, right: Right | undefined) => R,
    options: ParallelismOptions = {},
  ): DataStream<R> {
    return this.coGroup<R>(
      name,
      ({ left, right }, emit) => {
        const others = orNobody(right);
        for (const one of orNobody(left)) for (const other of others) emit(join(one, other));
      },
      options,
    );
  }

  /** The function returns what follows from a key's records in a window, or emits it piece by piece. */
  coGroup<R>(
    name: string,
    coGroup: (group: CoGroup<Left, Right, K>, emit: Emit<R>) => Iterable<R> | undefined | void,
    options: ParallelismOptions = {},
  ): DataStream<R> {
    requireName(name, "join");
    const { builder, inputs, createStream } = this.#place;
    const spec = {
      kind: "window",
      ...this.#windows,
      aggregate: groupBoth<Left, Right, K>(),
    } as const;
    const groups = builder.add(spec, { ...options, inputs, name });
    return createStream<CoGroup<Left, Right, K>>(groups).flatMap(coGroup, options);
  }
}

/** The records of a key in a pane or window. */
interface Sides<Left, Right> {
  readonly left: Left[];
  readonly right: Right[];
}

interface GroupingAggregate<Left, Right, K> {
  readonly create: () => Sides<Left, Right>;
  readonly add: (sides: Sides<Left, Right>, record: Left) => void;
  readonly addSecond: (sides: Sides<Left, Right>, record: Right) => void;
  readonly merge: (into: Sides<Left, Right>, from: Sides<Left, Right>) => void;
  readonly result: (
    sides: Sides<Left, Right>,
    details: { readonly key: K; readonly window: TimeWindow },
  ) => CoGroup<Left, Right, K>;
}

function groupBoth<Left, Right, K>(): GroupingAggregate<Left, Right, K> {
  return {
    create: () => ({ left: [], right: [] }),
    add: ({ left }, record) => void left.push(record),
    addSecond: ({ right }, record) => void right.push(record),
    merge: (into, from) => {
      for (const record of from.left) into.left.push(record);
      for (const record of from.right) into.right.push(record);
    },
    result: ({ left, right }, { key, window }) => ({ key, window, left, right }),
  };
}

function orNobody<T>(records: readonly T[]): readonly (T | undefined)[] {
  return records.length === 0 ? [undefined] : records;
}
