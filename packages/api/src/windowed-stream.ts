import { assert } from "@millrace/core";
import type { SlidingWindows, TumblingWindows } from "@millrace/graph";

import type { CreateStream, DataStream, ParallelismOptions } from "./data-stream.ts";
import { requireName, type GraphBuilder } from "./graph-builder.ts";

/** From `start`, inclusive, to `end`, exclusive; milliseconds since the epoch. */
export interface TimeWindow {
  readonly start: number;
  readonly end: number;
}

/** A window's result with its key. */
export interface WindowedValue<K, Value> {
  readonly key: K;
  readonly window: TimeWindow;
  readonly value: Value;
}

/** How a window's records become a result. Functions must not keep what they are given. */
export interface Aggregate<T, K, Accumulator, R> {
  readonly create: () => Accumulator;
  /** Changes the accumulator, or returns a new one. */
  readonly add: (accumulator: NoInfer<Accumulator>, record: T) => NoInfer<Accumulator> | void;
  /**
   * Takes the second into the first, or returns a new one; the second stays as it is. It has to come
   * to what adding the second's records to the first would: both ways are taken.
   */
  readonly merge: (
    into: NoInfer<Accumulator>,
    from: NoInfer<Accumulator>,
  ) => NoInfer<Accumulator> | void;
  readonly result: (
    accumulator: NoInfer<Accumulator>,
    details: { readonly key: K; readonly window: TimeWindow },
  ) => R;
}

export interface WindowedOptions extends ParallelismOptions {
  /**
   * Whether senders may fold records of one key and window before they send them, while that saves
   * enough. Results are the same, except that sums of fractions may differ in their last digits, as
   * they are added in another order. True by default where the aggregate has a `merge` of its own;
   * of `reduce` the function must be associative for it. With an allowed lateness nothing is
   * combined.
   */
  readonly combine?: boolean;
}

/** What all operators over the same windows share. */
export interface WindowPlace {
  readonly inputId: number;
  readonly assigner: TumblingWindows | SlidingWindows;
  readonly allowedLatenessMs: number;
}

/**
 * Keyed records by event-time window. A window fires once the watermark has reached its end; what
 * comes later is dropped and counted, unless `allowedLateness` says otherwise.
 */
export class WindowedStream<T, K> {
  readonly #builder: GraphBuilder;
  readonly #place: WindowPlace;
  readonly #createStream: CreateStream;

  constructor(builder: GraphBuilder, place: WindowPlace, createStream: CreateStream) {
    this.#builder = builder;
    this.#place = place;
    this.#createStream = createStream;
  }

  aggregate<Accumulator, R>(
    name: string,
    aggregate: Aggregate<T, K, Accumulator, R>,
    { parallelism, combine = true }: WindowedOptions = {},
  ): DataStream<R> {
    requireName(name, "aggregate");
    const { inputId, assigner, allowedLatenessMs } = this.#place;
    const id = this.#builder.add(
      { kind: "window", assigner, allowedLatenessMs, isCombined: combine, aggregate },
      { inputs: [inputId], name, parallelism },
    );
    return this.#createStream(id);
  }

  /** Emits what a window's records come to. The function returns a new value; it is associative. */
  reduce(
    name: string,
    reduce: (value: T, record: T) => T,
    options: WindowedOptions = {},
  ): DataStream<WindowedValue<K, T>> {
    const fold = { first: (record: T): T => record, add: reduce, merge: reduce };
    return this.#fold(name, { combine: false, ...options }, fold);
  }

  count(name: string, options: WindowedOptions = {}): DataStream<WindowedValue<K, number>> {
    return this.#fold(name, options, {
      first: () => 1,
      add: (value: number) => value + 1,
      merge: (left: number, right: number) => left + right,
    });
  }

  sum(
    name: string,
    select: (record: T) => number,
    options: WindowedOptions = {},
  ): DataStream<WindowedValue<K, number>> {
    return this.#foldNumbers(name, options, { select, merge: (left, right) => left + right });
  }

  min(
    name: string,
    select: (record: T) => number,
    options: WindowedOptions = {},
  ): DataStream<WindowedValue<K, number>> {
    return this.#foldNumbers(name, options, { select, merge: Math.min });
  }

  max(
    name: string,
    select: (record: T) => number,
    options: WindowedOptions = {},
  ): DataStream<WindowedValue<K, number>> {
    return this.#foldNumbers(name, options, { select, merge: Math.max });
  }

  #foldNumbers(
    name: string,
    options: WindowedOptions,
    fold: {
      readonly select: (record: T) => number;
      readonly merge: (left: number, right: number) => number;
    },
  ): DataStream<WindowedValue<K, number>> {
    const { select, merge } = fold;
    const add = (value: number, record: T): number => merge(value, select(record));
    return this.#fold(name, options, { first: select, add, merge });
  }

  #fold<Value>(
    name: string,
    options: WindowedOptions,
    fold: Fold<T, Value>,
  ): DataStream<WindowedValue<K, Value>> {
    const aggregate: Aggregate<T, K, Folded<Value>, WindowedValue<K, Value>> = {
      create: () => null,
      add: (folded, record) => ({
        value: folded === null ? fold.first(record) : fold.add(folded.value, record),
      }),
      merge: (into, from) => mergeFolded(fold, into, from),
      result: (folded, { key, window }) => {
        assert(folded !== null, "a window fires only for keys that have records");
        return { key, window, value: folded.value };
      },
    };
    return this.aggregate(name, aggregate, options);
  }
}

interface Fold<T, Value> {
  readonly first: (record: T) => Value;
  readonly add: (value: Value, record: T) => Value;
  readonly merge: (left: Value, right: Value) => Value;
}

/** There is no value before the first record. */
type Folded<Value> = { readonly value: Value } | null;

function mergeFolded<T, Value>(
  fold: Fold<T, Value>,
  into: Folded<Value>,
  from: Folded<Value>,
): Folded<Value> {
  if (into === null || from === null) return into ?? from;
  return { value: fold.merge(into.value, from.value) };
}
