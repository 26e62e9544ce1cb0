import type { WindowSpec } from "@millrace/graph";

import type { DataStream, ParallelismOptions } from "./data-stream.ts";
import { requireName } from "./graph-builder.ts";
import type { JoinPlace } from "./join-place.ts";
import type { TimeWindow } from "./window-functions.ts";
import { windowSpecOf, type WindowPlace } from "./window-place.ts";

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
  readonly #windows: Pick<WindowPlace, "assigner" | "options">;
  /** Only types use it. */
  declare protected readonly types: readonly [Left, Right, K];

  constructor(place: JoinPlace, windows: Pick<WindowPlace, "assigner" | "options">) {
    this.#place = place;
    this.#windows = windows;
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
    const place = { ...this.#windows, inputId: inputs[0] };
    const spec = windowSpecOf(place, groupBoth(coGroup), false);
    return createStream(builder.add(spec, { ...options, inputs, name }));
  }
}

/** The records of a key in a pane or window. */
interface Sides<Left, Right> {
  readonly left: Left[];
  readonly right: Right[];
}

/** What a window's function is called with. */
interface FiringContext<K> {
  readonly key: K;
  readonly window: TimeWindow;
  emit(value: unknown): void;
}

function groupBoth<Left, Right, K, R>(
  coGroup: (group: CoGroup<Left, Right, K>, emit: Emit<R>) => Iterable<R> | undefined | void,
): WindowSpec["aggregate"] {
  return {
    create: (): Sides<Left, Right> => ({ left: [], right: [] }),
    add: ({ left }: Sides<Left, Right>, record: Left) => void left.push(record),
    addSecond: ({ right }: Sides<Left, Right>, record: Right) => void right.push(record),
    merge: (into: Sides<Left, Right>, from: Sides<Left, Right>) => {
      for (const record of from.left) into.left.push(record);
      for (const record of from.right) into.right.push(record);
    },
    emitsItself: true,
    result: ({ left, right }: Sides<Left, Right>, context: FiringContext<K>) => {
      const { key, window } = context;
      const emit = (value: R): void => context.emit(value);
      for (const value of coGroup({ key, window, left, right }, emit) ?? []) emit(value);
    },
  };
}

function orNobody<T>(records: readonly T[]): readonly (T | undefined)[] {
  return records.length === 0 ? [undefined] : records;
}
