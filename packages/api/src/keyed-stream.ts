import { invalidJob } from "@millrace/graph";

import { addAsyncMap, type AsyncCall, type AsyncOptions } from "./async-map.ts";
import { KeyedBroadcastStreams, requireSameJob } from "./broadcast-process.ts";
import { ConnectedStreams } from "./connected-streams.ts";
import type {
  BroadcastStream,
  CreateStream,
  DataStream,
  ParallelismOptions,
} from "./data-stream.ts";
import { requireName, type GraphBuilder } from "./graph-builder.ts";
import { JoinedStreams } from "./joined-streams.ts";
import { LookupJoin, type LookupTime } from "./lookup-join.ts";
import { addProcess, type ProcessDefinition } from "./process.ts";
import type { StateDeclarations } from "./state.ts";
import { createTable, type Table, type TableOptions } from "./table.ts";
import type { WindowOptions } from "./window-place.ts";
import { WindowedStream } from "./windowed-stream.ts";
import type { WindowAssigner } from "./windows.ts";

/** A running result with its key. */
export interface KeyedValue<K, Value> {
  readonly key: K;
  readonly value: Value;
}

export interface RunningOptions extends ParallelismOptions {
  /**
   * Lets senders fold records of one key before they send them, while that saves enough; not unless
   * true. Then a result may stand for several records, with the greatest of their event times, and
   * comes up to 100 ms later. The last result of a key is the same, except that sums of fractions
   * may differ in their last digits, as they are added in another order. A function given to
   * `reduce` must be associative, also over what it returned before, and must not change or keep
   * its arguments; nor may a record be changed once it was emitted. Records whose key is an object are
   * not folded.
   */
  readonly combine?: boolean;
}

/** A running aggregate over all records of a key. */
interface RunningAggregate<T, K, Value, R> {
  readonly create: (record: T) => Value;
  readonly add: (value: Value, record: T) => Value;
  /** Takes two values of a key, the earlier one first. */
  readonly merge: (left: Value, right: Value) => Value;
  readonly result: (value: Value, key: K) => R;
}

/**
 * A stream whose records have a key. All its operators keep state by key, so they take their name
 * first. Running results are emitted for every record, unless `combine` allows fewer.
 */
export class KeyedStream<T, K> {
  readonly #builder: GraphBuilder;
  readonly #id: number;
  readonly #createStream: CreateStream;

  constructor(builder: GraphBuilder, id: number, createStream: CreateStream) {
    this.#builder = builder;
    this.#id = id;
    this.#createStream = createStream;
  }

  /** Emits, for each record, what its key's records have come to; the first is the beginning. */
  reduce(
    name: string,
    reduce: (value: T, record: T) => T,
    options: RunningOptions = {},
  ): DataStream<T> {
    return this.#running(name, options, {
      create: (record: T): T => record,
      add: reduce,
      merge: reduce,
      result: (value: T): T => value,
    });
  }

  /** Emits each key's running sum; of fractions its last digits depend on the order of records. */
  sum(
    name: string,
    select: (record: T) => number,
    options: RunningOptions = {},
  ): DataStream<KeyedValue<K, number>> {
    return this.#running(name, options, {
      create: select,
      add: (value: number, record: T) => value + select(record),
      merge: (left: number, right: number) => left + right,
      result: toKeyedValue<K>,
    });
  }

  /** Emits each key's running number of records. */
  count(name: string, options: RunningOptions = {}): DataStream<KeyedValue<K, number>> {
    return this.#running(name, options, {
      create: () => 1,
      add: (value: number) => value + 1,
      merge: (left: number, right: number) => left + right,
      result: toKeyedValue<K>,
    });
  }

  /** Emits each key's smallest value so far. */
  min(
    name: string,
    select: (record: T) => number,
    options: RunningOptions = {},
  ): DataStream<KeyedValue<K, number>> {
    return this.#running(name, options, {
      create: select,
      add: (value: number, record: T) => Math.min(value, select(record)),
      merge: (left: number, right: number) => Math.min(left, right),
      result: toKeyedValue<K>,
    });
  }

  /** Emits each key's largest value so far. */
  max(
    name: string,
    select: (record: T) => number,
    options: RunningOptions = {},
  ): DataStream<KeyedValue<K, number>> {
    return this.#running(name, options, {
      create: select,
      add: (value: number, record: T) => Math.max(value, select(record)),
      merge: (left: number, right: number) => Math.max(left, right),
      result: toKeyedValue<K>,
    });
  }

  /** Windows of each key; for those of event time every source before them needs `watermarks`. */
  window(assigner: WindowAssigner<T>, options: WindowOptions<T> = {}): WindowedStream<T, K> {
    const place = { inputId: this.#id, assigner, options };
    return new WindowedStream(this.#builder, place, this.#createStream);
  }

  /** The author's own functions over state and timers. */
  process<R = never, S extends StateDeclarations = Record<never, never>>(
    name: string,
    definition: ProcessDefinition<T, K, R, S>,
    { parallelism }: ParallelismOptions = {},
  ): DataStream<R> {
    requireName(name, "process");
    const place = { inputs: [this.#id], name, parallelism };
    return this.#createStream(addProcess(this.#builder, place, definition));
  }

  /**
   * As `asyncMap` of a stream without keys, with the records of a key in one subtask: if it is
   * ordered, their results are in order.
   */
  asyncMap<R>(
    name: string,
    ask: (record: T, call: AsyncCall) => R | PromiseLike<R>,
    options: AsyncOptions<NoInfer<T>, NoInfer<R>> = {},
  ): DataStream<R> {
    const place = { input: this.#id, name };
    return this.#createStream(addAsyncMap(this.#builder, place, { ask, isFlat: false }, options));
  }

  /** As `asyncMap`, for answers that are several results or none. */
  asyncFlatMap<R>(
    name: string,
    ask: (record: T, call: AsyncCall) => Iterable<R> | PromiseLike<Iterable<R>>,
    options: AsyncOptions<NoInfer<T>, Iterable<NoInfer<R>>> = {},
  ): DataStream<R> {
    const place = { input: this.#id, name };
    return this.#createStream(addAsyncMap(this.#builder, place, { ask, isFlat: true }, options));
  }

  /** Two streams whose records of one key meet in one operator; their keys are of one type. */
  connect<U>(second: KeyedStream<U, K>): ConnectedStreams<T, U, K>;
  /** This stream beside one that comes to all subtasks (Flink's broadcast state pattern). */
  connect<U>(second: BroadcastStream<U>): KeyedBroadcastStreams<T, U, K>;
  connect<U>(
    second: KeyedStream<U, K> | BroadcastStream<U>,
  ): ConnectedStreams<T, U, K> | KeyedBroadcastStreams<T, U, K> {
    const builder = this.#builder;
    const createStream = this.#createStream;
    if ("place" in second) {
      requireSameJob(builder, second.place.builder);
      const inputs = [this.#id, second.place.id] as const;
      return new KeyedBroadcastStreams({ builder, inputs, createStream });
    }
    return new ConnectedStreams(builder, this.#inputsWith(second, "connect"), createStream);
  }

  /**
   * Two streams whose records of one key become pairs, if they are near in time: go on with `within`
   * or `window`. This one is the left one; their keys are of one type.
   */
  join<U>(right: KeyedStream<U, K>): JoinedStreams<T, U, K> {
    const inputs = this.#inputsWith(right, "join");
    return new JoinedStreams({
      builder: this.#builder,
      inputs,
      createStream: this.#createStream,
    });
  }

  /**
   * The table that the records make: each one is the row of its key, or what `value` makes of it;
   * null or undefined deletes the row. The name is that of the operator behind `toStream`.
   */
  toTable(name: string, options?: TableOptions): Table<T, K>;
  toTable<R>(
    name: string,
    options: TableOptions & { readonly value: (record: T) => R },
  ): Table<NonNullable<R>, K>;
  toTable(
    name: string,
    {
      value,
      order = "event-time",
    }: TableOptions & { readonly value?: (record: T) => unknown } = {},
  ): Table<unknown, K> {
    const place = { builder: this.#builder, createStream: this.#createStream };
    const valueOf = value ?? ((record: T): unknown => record);
    return createTable(place, this.#id, { name, valueOf, order });
  }

  /**
   * Each record with the row that its key has when the record comes (Kafka Streams' stream-table
   * join), at once. Which row that is depends on which input is read first; see `joinAsOf`.
   */
  joinLatest<V>(table: Table<V, K>): LookupJoin<T, V> {
    return this.#joinTable(table, "lookup");
  }

  /**
   * Each record with the row that its key had at the record's event time (Flink's event-time
   * temporal join). A record waits for the watermark, so that the result does not depend on what is
   * read first. Every source before both needs `watermarks`.
   */
  joinAsOf<V>(table: Table<V, K>): LookupJoin<T, V> {
    return this.#joinTable(table, "temporal");
  }

  #joinTable<V>({ source }: Table<V, K>, type: LookupTime): LookupJoin<T, V> {
    if (source.builder !== this.#builder) {
      throw invalidJob("join: the table belongs to another job");
    }
    const inputs = [this.#id, source.keyed()] as const;
    const place = { builder: this.#builder, inputs, createStream: this.#createStream };
    return new LookupJoin(place, type, source.input);
  }

  #inputsWith<U>(second: KeyedStream<U, K>, verb: string): readonly [number, number] {
    if (second.#builder === this.#builder) return [this.#id, second.#id];
    throw invalidJob(`${verb}: the second stream belongs to another job`);
  }

  #running<Value, R>(
    name: string,
    { parallelism, combine = false }: RunningOptions,
    aggregate: RunningAggregate<T, K, Value, R>,
  ): DataStream<R> {
    requireName(name, "running aggregate");
    const { create, add, merge, result } = aggregate;
    const id = this.#builder.add(
      { kind: "reduce", create, add, ...(combine ? { merge } : {}), result },
      { inputs: [this.#id], name, parallelism },
    );
    return this.#createStream(id);
  }
}

function toKeyedValue<K>(value: number, key: K): KeyedValue<K, number> {
  return { key, value };
}
