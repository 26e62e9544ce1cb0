import { assert } from "@millrace/core";
import { invalidJob, type WindowSpec } from "@millrace/graph";

import type { CreateStream, DataStream, ParallelismOptions } from "./data-stream.ts";
import { checkEmits } from "./emits.ts";
import { requireName, type GraphBuilder } from "./graph-builder.ts";
import type { StateDeclarations } from "./state.ts";
import {
  allRecords,
  type Aggregate,
  type WindowedValue,
  type WindowProcess,
} from "./window-functions.ts";
import { windowSpecOf, type WindowPlace } from "./window-place.ts";

export interface WindowedOptions extends ParallelismOptions {
  /**
   * Whether senders may fold records of one key and window before they send them, while that saves
   * enough. Results are the same, except that sums of fractions may differ in their last digits, as
   * they are added in another order. True by default where the aggregate has a `merge` of its own;
   * of `reduce` the function must be associative for it. With an allowed lateness, and
   * where the key is an object, nothing is combined.
   */
  readonly combine?: boolean;
}

/**
 * Keyed records by window. A window of event time fires once the watermark has reached its end; what
 * comes later is dropped and counted, unless `allowedLateness` or `lateTo` say otherwise.
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
    options: WindowedOptions = {},
  ): DataStream<R> {
    requireName(name, "aggregate");
    return this.#add(name, aggregate, options);
  }

  /**
   * Calls the author's function with all records of a window, or with what an `aggregate` made of
   * them, each time it fires; it emits as many results as it likes, also to side outputs. It may keep
   * states of the window and of the key.
   */
  process<
    R = never,
    Contents = readonly T[],
    W extends StateDeclarations = Record<never, never>,
    G extends StateDeclarations = Record<never, never>,
  >(
    name: string,
    { emits, aggregate, onWindow, ...kept }: WindowProcess<T, K, R, Contents, W, G>,
    options: WindowedOptions = {},
  ): DataStream<R> {
    requireName(name, "process");
    const contents: Omit<WindowSpec["aggregate"], "result"> = aggregate ?? allRecords<T>();
    // To combine all records would save none of them.
    const combine = aggregate !== undefined && options.combine !== false;
    const { create, add, merge } = contents;
    const { windowState, globalState, onClear } = kept;
    const functions: WindowSpec["aggregate"] = {
      create,
      add,
      merge,
      result: checkEmits(emits, name).ofTwo(onWindow),
      emitsItself: true,
      ...(windowState === undefined ? {} : { windowState }),
      ...(globalState === undefined ? {} : { globalState }),
      ...(onClear === undefined ? {} : { onClear }),
    };
    return this.#add(name, functions, { ...options, combine });
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
    return this.#foldNumbers(name, options, {
      first: 0,
      add: (count) => count + 1,
      merge: (left, right) => left + right,
    });
  }

  sum(
    name: string,
    select: (record: T) => number,
    options: WindowedOptions = {},
  ): DataStream<WindowedValue<K, number>> {
    return this.#foldNumbers(name, options, {
      // What adds nothing, to a zero that is negative neither.
      first: -0,
      add: (sum, record) => sum + select(record),
      merge: (left, right) => left + right,
    });
  }

  min(
    name: string,
    select: (record: T) => number,
    options: WindowedOptions = {},
  ): DataStream<WindowedValue<K, number>> {
    return this.#foldNumbers(name, options, {
      first: Infinity,
      add: (least, record) => Math.min(least, select(record)),
      merge: (left, right) => Math.min(left, right),
    });
  }

  max(
    name: string,
    select: (record: T) => number,
    options: WindowedOptions = {},
  ): DataStream<WindowedValue<K, number>> {
    return this.#foldNumbers(name, options, {
      first: -Infinity,
      add: (greatest, record) => Math.max(greatest, select(record)),
      merge: (left, right) => Math.max(left, right),
    });
  }

  #add<R>(
    name: string,
    aggregate: WindowSpec["aggregate"],
    { parallelism, combine = true }: WindowedOptions,
  ): DataStream<R> {
    const { inputId, parallelism: only } = this.#place;
    if (only !== undefined && parallelism !== undefined && parallelism !== only) {
      throw invalidJob(
        `operator ${name}: windowAll(...) has one subtask: leave its parallelism out, or use keyBy(...).window(...)`,
      );
    }
    const id = this.#builder.add(windowSpecOf(this.#place, aggregate, combine), {
      inputs: [inputId],
      name,
      parallelism: only ?? parallelism,
    });
    return this.#createStream(id);
  }

  /** The accumulator is the number itself: state keeps those in typed arrays. */
  #foldNumbers(
    name: string,
    options: WindowedOptions,
    fold: {
      /** What leaves any number as it is. */
      readonly first: number;
      readonly add: (value: number, record: T) => number;
      readonly merge: (left: number, right: number) => number;
    },
  ): DataStream<WindowedValue<K, number>> {
    const { first, add, merge } = fold;
    const aggregate: Aggregate<T, K, StoredNumber, WindowedValue<K, number>> = {
      create: () => first,
      add: (value, record) => add(numberIn(value), record),
      merge: (into, from) => merge(numberIn(into), numberIn(from)),
      result: (value, { key, window }) => ({ key, window, value: numberIn(value) }),
    };
    return this.aggregate(name, aggregate, options);
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

/** A number is stored as such; a checkpoint may have it as a `Folded`. */
type StoredNumber = number | { readonly value: number };

function numberIn(stored: StoredNumber): number {
  return typeof stored === "number" ? stored : stored.value;
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
