import {
  invalidJob,
  type OperatorSpec,
  type SinkConnector,
  type SinkFactory,
  type UserFunction,
} from "@millrace/graph";

import { addAsyncMap, type AsyncCall, type AsyncOptions } from "./async-map.ts";
import { BroadcastJoin } from "./broadcast-join.ts";
import { BroadcastConnectedStreams, requireSameJob } from "./broadcast-process.ts";
import { checkSpec, type CheckOptions } from "./check-records.ts";
import { requireName, type GraphBuilder } from "./graph-builder.ts";
import { KeyedStream } from "./keyed-stream.ts";
import {
  addPlainProcess,
  type BroadcastKey,
  type PlainProcessDefinition,
} from "./plain-process.ts";
import type { OutputTag } from "./process.ts";
import type { StandardSchema } from "./standard-schema.ts";
import type { Table } from "./table.ts";
import type { WindowOptions } from "./window-place.ts";
import { WindowedStream } from "./windowed-stream.ts";
import type { WindowAssigner } from "./windows.ts";

/** For operators without state; those with state take their name first. */
export interface OperatorOptions extends ParallelismOptions {
  /** Shown in the plan; derived from the kind unless set. */
  readonly name?: string;
}

export interface ParallelismOptions {
  /** Absent: the job's. */
  readonly parallelism?: number;
}

/** For operators that return no stream, which says the same of others by `slotSharingGroup(...)`. */
export interface SlotSharingOptions {
  /** Whose slots it shares; that of its input unless set. */
  readonly slotSharingGroup?: string;
}

export type SinkInput<T> = SinkConnector<T> | SinkFactory<T>;

/** Returns the stream of a node's results; keyed streams get it, so that modules form no cycle. */
export type CreateStream = <R>(id: number) => DataStream<R>;

/** What can be a key: compared by its encoded bytes. Objects are compared field by field. */
export type Key =
  | string
  | number
  | bigint
  | boolean
  | Date
  | null
  | readonly Key[]
  | { readonly [field: string]: Key };

/** A stream of records. Functions given to it are synchronous and run once per record. */
export class DataStream<T> {
  readonly #builder: GraphBuilder;
  readonly #id: number;
  /** Only types use it: a stream of one record type is not one of another. */
  declare protected readonly recordType: T;

  constructor(builder: GraphBuilder, id: number) {
    this.#builder = builder;
    this.#id = id;
  }

  map<R>(map: (record: T) => R, options: OperatorOptions = {}): DataStream<R> {
    return this.#next({ kind: "map", map }, options);
  }

  filter<S extends T>(filter: (record: T) => record is S, options?: OperatorOptions): DataStream<S>;
  filter(filter: (record: T) => boolean, options?: OperatorOptions): DataStream<T>;
  filter(filter: (record: T) => boolean, options: OperatorOptions = {}): DataStream<T> {
    return this.#next({ kind: "filter", filter }, options);
  }

  /** The function returns what follows from a record, or emits it piece by piece. */
  flatMap<R>(
    flatMap: (record: T, emit: (value: R) => void) => Iterable<R> | undefined | void,
    options: OperatorOptions = {},
  ): DataStream<R> {
    return this.#next({ kind: "flat-map", flatMap: eraseFlatMap(flatMap) }, options);
  }

  /**
   * The records that fit a Standard Schema (of Zod, Valibot, ArkType and others), as the schema returns
   * them. One that does not fit fails the job with `record-invalid`, or goes to the side output
   * `invalidTo` with the reasons. To check records before their event time is read, give the
   * schema to the source.
   */
  check<R>(
    name: string,
    schema: StandardSchema<unknown, R>,
    options: CheckOptions<NoInfer<T>> = {},
  ): DataStream<R> {
    requireName(name, "check");
    return this.#next(checkSpec(name, schema, options), { ...options, name });
  }

  /**
   * Asks something outside for each record, such as an HTTP service or a database, with many records
   * in flight at a time, and emits the answers with the event times of their records (Flink's
   * AsyncDataStream). The name comes first: checkpoints hold the records in flight, which are asked
   * for again after a restore. So the function may run more than once for a record, while each
   * result is emitted once; and it must not change its record.
   */
  asyncMap<R>(
    name: string,
    ask: (record: T, call: AsyncCall) => R | PromiseLike<R>,
    options: AsyncOptions<NoInfer<T>, NoInfer<R>> = {},
  ): DataStream<R> {
    const place = { input: this.#id, name };
    return new DataStream(
      this.#builder,
      addAsyncMap(this.#builder, place, { ask, isFlat: false }, options),
    );
  }

  /** As `asyncMap`, for answers that are several results or none. */
  asyncFlatMap<R>(
    name: string,
    ask: (record: T, call: AsyncCall) => Iterable<R> | PromiseLike<Iterable<R>>,
    options: AsyncOptions<NoInfer<T>, Iterable<NoInfer<R>>> = {},
  ): DataStream<R> {
    const place = { input: this.#id, name };
    return new DataStream(
      this.#builder,
      addAsyncMap(this.#builder, place, { ask, isFlat: true }, options),
    );
  }

  /**
   * The author's own functions over records without keys, with state that belongs to the operator
   * (Flink's ProcessFunction with CheckpointedFunction). State by key is behind `keyBy`.
   */
  process<R = never>(
    name: string,
    definition: PlainProcessDefinition<T, R>,
    { parallelism }: ParallelismOptions = {},
  ): DataStream<R> {
    requireName(name, "process");
    const place = { inputs: [this.#id], name, parallelism };
    return new DataStream(this.#builder, addPlainProcess(this.#builder, place, definition));
  }

  /** Records with equal keys go to the same subtask, in their order per sender. */
  keyBy<K extends Key>(key: (record: T) => K): KeyedStream<T, K> {
    const builder = this.#builder;
    const id = this.#add({ kind: "key-by", key });
    return new KeyedStream(builder, id, (nextId) => new DataStream(builder, nextId));
  }

  /**
   * Windows over all records, as those of a key that is always null; one subtask runs them. Senders
   * fold records before they reach it where the aggregate allows that.
   */
  windowAll(assigner: WindowAssigner<T>, options: WindowOptions<T> = {}): WindowedStream<T, null> {
    const builder = this.#builder;
    const inputId = this.#add({ kind: "key-by", key: () => null });
    const place = { inputId, assigner, options, parallelism: 1 } as const;
    return new WindowedStream(builder, place, (nextId) => new DataStream(builder, nextId));
  }

  union<U>(...others: readonly DataStream<U>[]): DataStream<T | U> {
    const inputs = others.map((other) => {
      if (other.#builder === this.#builder) return other.#id;
      throw invalidJob("union: one of the streams belongs to another job");
    });
    const id = this.#builder.add({ kind: "union" }, { inputs: [this.#id, ...inputs] });
    return new DataStream(this.#builder, id);
  }

  /**
   * Returns what the operator emits to the tag, with `ctx.emitTo`. Asked of the stream that the
   * operator itself returned, not of one behind it.
   */
  sideOutput<Side>(tag: OutputTag<Side>): DataStream<Side> {
    return this.#next({ kind: "side-output", tag: tag.name }, {});
  }

  /** Spreads records evenly over the subtasks of the next operator, round robin. */
  rebalance(): DataStream<T> {
    return this.#next({ kind: "rebalance" }, {});
  }

  /**
   * Spreads records round robin over the few subtasks of the next operator that lie next to the
   * sender: with 2 senders and 4 receivers, over two each. Few channels; evens out nothing between
   * senders.
   */
  rescale(): DataStream<T> {
    return this.#partition("rescale");
  }

  /** Sends subtask i to subtask i of the next operator, which must have the same parallelism. */
  forward(): DataStream<T> {
    return this.#partition("forward");
  }

  /** Sends all records to subtask 0 of the next operator. */
  global(): DataStream<T> {
    return this.#partition("global");
  }

  /** Sends each record to a subtask of the next operator drawn at random, by a fixed sequence. */
  shuffle(): DataStream<T> {
    return this.#partition("shuffle");
  }

  /**
   * Sends each record to all subtasks of the next operator. Beside another stream (`connect`) it brings
   * state that all subtasks hold alike.
   */
  broadcast(): BroadcastStream<T> {
    return new BroadcastStream(this.#builder, this.#add({ kind: "partition", by: "broadcast" }));
  }

  /** This stream beside one that comes to all subtasks (Flink's broadcast state pattern). */
  connect<U>(second: BroadcastStream<U>): BroadcastConnectedStreams<T, U> {
    const builder = this.#builder;
    const { id, builder: other } = second.place;
    requireSameJob(builder, other);
    const createStream: CreateStream = (nextId) => new DataStream(builder, nextId);
    return new BroadcastConnectedStreams({ builder, inputs: [this.#id, id], createStream });
  }

  /**
   * Each record with the row that its key has, of a small table that every subtask keeps whole
   * (Kafka Streams' join with a GlobalKTable): nothing is sent by key, and the stream keeps its order. A
   * record meets the row that is there when it comes, at once; which that is depends on which input is
   * read first. The rows are broadcast state. Event time is held back by the slower of both, so a table
   * that is read on and on should have `idleAfter`.
   */
  joinBroadcast<V, K extends BroadcastKey>(
    table: Table<V, K>,
    key: (record: T) => K,
  ): BroadcastJoin<T, V> {
    const builder = this.#builder;
    const { place } = table.toStream().broadcast();
    requireSameJob(builder, place.builder);
    const createStream: CreateStream = (nextId) => new DataStream(builder, nextId);
    return new BroadcastJoin({ builder, inputs: [this.#id, place.id], createStream }, key);
  }

  /**
   * Sends each record to the subtask of the next operator whose index the function returns (Flink's
   * partitionCustom). An index that is not there fails the job. What is stored by such an operator does
   * not move with its records at another parallelism: state by key needs `keyBy`.
   */
  partitionBy(select: (record: T, subtaskCount: number) => number): DataStream<T> {
    return this.#next({ kind: "partition", by: "custom", select }, {});
  }

  /** The operator that returned this stream begins a chain: it is not chained to the one before. */
  startNewChain(): this {
    this.#builder.setChaining(this.#id, "head");
    return this;
  }

  /** The operator that returned this stream is chained to none, neither before nor behind it. */
  disableChaining(): this {
    this.#builder.setChaining(this.#id, "never");
    return this;
  }

  /**
   * Puts the operator that returned this stream into a slot sharing group (Flink's slotSharingGroup). The
   * subtasks of index k of all operators of a group run in one slot; each group has slots of its
   * own, so that what needs much memory or time does not share a thread and its heap with the rest. A
   * job needs, summed over its groups, as many slots as the widest operator of each has subtasks.
   * Operators of two groups are not chained. Unless set, it is the group of all inputs, if they
   * agree, else `default`, as of sources.
   */
  slotSharingGroup(name: string): this {
    this.#builder.setSlotSharingGroup(this.#id, name);
    return this;
  }

  /** Writes each record as a line of the job's log, after the label. */
  print(label: string = "", options: OperatorOptions & SlotSharingOptions = {}): void {
    this.#add({ kind: "print", label }, options);
  }

  /** The name comes first: it identifies what is prepared and not yet published. */
  sink(
    name: string,
    sink: SinkInput<T>,
    options: ParallelismOptions & SlotSharingOptions = {},
  ): void {
    requireName(name, "sink");
    const connector = "createSink" in sink ? sink.createSink(this.#builder.environment) : sink;
    this.#add({ kind: "sink", connector: eraseSink(connector) }, { ...options, name });
  }

  #partition(by: "rescale" | "forward" | "global" | "shuffle"): DataStream<T> {
    return this.#next({ kind: "partition", by }, {});
  }

  #next<R>(spec: OperatorSpec, options: OperatorOptions): DataStream<R> {
    return new DataStream(this.#builder, this.#add(spec, options));
  }

  #add(spec: OperatorSpec, options: OperatorOptions & SlotSharingOptions = {}): number {
    const { name, parallelism, slotSharingGroup } = options;
    return this.#builder.add(spec, { inputs: [this.#id], name, parallelism, slotSharingGroup });
  }
}

/** A stream of which all subtasks of the next operator get each record. */
export class BroadcastStream<T> extends DataStream<T> {
  /** For the API itself. */
  readonly place: { readonly builder: GraphBuilder; readonly id: number };

  constructor(builder: GraphBuilder, id: number) {
    super(builder, id);
    this.place = { builder, id };
  }
}

// What a function returns beside an iterable is ignored; its declared `void` only types admit it.
function eraseFlatMap(flatMap: UserFunction): UserFunction<Iterable<unknown> | undefined> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- erases checked types
  return flatMap as UserFunction<Iterable<unknown> | undefined>;
}

function eraseSink<T>(connector: SinkConnector<T>): SinkConnector<unknown> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- erases checked types
  return connector as SinkConnector<unknown>;
}
