import type { UserFunction } from "@millrace/graph";

import type { GraphBuilder, NodePlace } from "./graph-builder.ts";

/** A type, said where a value cannot say it: `emits: type<{ user: string }>()`. */
export interface TypeTag<T> {
  readonly kind: "type";
  /** Only types use it. */
  readonly of?: T;
}

/** Returns the mark of a type. */
export function type<T>(): TypeTag<T> {
  return { kind: "type" };
}

/** Names a side output and says what it carries. */
export interface OutputTag<T> {
  readonly kind: "output-tag";
  readonly name: string;
  /** Only types use it. */
  readonly of?: T;
  /** Only types use it: what may be emitted to the tag. */
  readonly accepts?: (record: T) => void;
}

/** A tag that carries the type or a wider one: where records of the type may be emitted to. */
export type TagFor<T> = Pick<OutputTag<T>, "kind" | "name" | "accepts">;

/**
 * Returns the tag of a side output (Flink's OutputTag): an operator emits to it with
 * `ctx.emitTo(tag, record)`, and `stream.sideOutput(tag)` reads it.
 */
export function outputTag<T>(name: string): OutputTag<T> {
  return { kind: "output-tag", name };
}

/** A state of a `process` operator, declared by name. */
export interface ValueStateDeclaration<Value> {
  readonly kind: "value";
  readonly version: number;
  /** Only types use it. */
  readonly of?: Value;
}

export type StateDeclarations = Readonly<Record<string, ValueStateDeclaration<unknown>>>;

/** What a `process` operator may declare as its state. */
export const state: {
  /** One value by key. */
  readonly value: <Value>(options?: { readonly version?: number }) => ValueStateDeclaration<Value>;
} = {
  value: ({ version = 1 } = {}) => ({ kind: "value", version }),
};

/** The type with everything in it readonly: what state hands out is not changed but by `set`. */
export type DeepReadonly<T> = T extends (...args: never) => unknown
  ? T
  : T extends Date | bigint | string | number | boolean | symbol | null | undefined
    ? T
    : T extends ReadonlyMap<infer K, infer V>
      ? ReadonlyMap<DeepReadonly<K>, DeepReadonly<V>>
      : T extends ReadonlySet<infer V>
        ? ReadonlySet<DeepReadonly<V>>
        : { readonly [Field in keyof T]: DeepReadonly<T[Field]> };

/** The current key's value of one state. */
export interface ValueStateHandle<Value> {
  get(): DeepReadonly<Value> | undefined;
  set(value: Value | DeepReadonly<Value>): void;
  clear(): void;
  /** Sets what the function makes of the present value. */
  update(change: (value: DeepReadonly<Value> | undefined) => Value | DeepReadonly<Value>): void;
}

/** What the functions of a `process` operator work with; valid during the call only. */
export interface ProcessContext<K, R, S extends StateDeclarations> {
  readonly key: K;
  /** Event time of the record or the timer; -Infinity, as none, for a timer of processing time. */
  readonly timestamp: number;
  /** The event time that this operator has reached. */
  readonly watermark: number;
  readonly state: {
    readonly [Name in keyof S]: ValueStateHandle<
      S[Name] extends ValueStateDeclaration<infer Value> ? Value : never
    >;
  };
  readonly timers: {
    /** Calls `onTimer` for this key once the watermark reaches the time; once per key and time. */
    atEventTime(timeMs: number): void;
    /**
     * Calls `onTimer` for this key once the wall clock reaches the time (`ctx.processingTime()` plus a
     * delay); once per key and time. It is in snapshots: one that came due while the job was down fires
     * at once when it is back. After the end of input none fires.
     */
    atProcessingTime(timeMs: number): void;
    /** Drops this key's timer at the time, if there is one; of event time by default. */
    cancel(timeMs: number, domain?: TimeDomain): void;
  };
  /** Returns the wall clock's milliseconds since the epoch; not the same when records come again. */
  processingTime(): number;
  /** Emits a record with the context's timestamp. */
  emit(record: R): void;
  /** Emits to a side output, with the context's timestamp; what nobody reads is dropped. */
  emitTo<Side>(tag: OutputTag<Side>, record: NoInfer<Side>): void;
}

/** What `onTimer` works with. */
export interface TimerContext<K, R, S extends StateDeclarations> extends ProcessContext<K, R, S> {
  /** What the timer waited for. */
  readonly timeDomain: TimeDomain;
}

/** What a timer waits for: the watermark, or the wall clock. */
export type TimeDomain = "event-time" | "processing-time";

export interface ProcessDefinition<T, K, R, S extends StateDeclarations> {
  /** The type of what is emitted; without it nothing can be. */
  readonly emits?: TypeTag<R>;
  /** By the name that `ctx.state` offers it under. */
  readonly state?: S;
  readonly onRecord: (record: T, ctx: ProcessContext<K, NoInfer<R>, S>) => void;
  readonly onTimer?: (timeMs: number, ctx: TimerContext<K, NoInfer<R>, S>) => void;
}

/** Functions over two streams of records. */
export interface ConnectedDefinition<
  Records extends { readonly first: unknown; readonly second: unknown },
  K,
  R,
  S extends StateDeclarations,
> extends Omit<ProcessDefinition<never, K, R, S>, "onRecord"> {
  readonly onFirst: (record: Records["first"], ctx: ProcessContext<K, NoInfer<R>, S>) => void;
  readonly onSecond: (record: Records["second"], ctx: ProcessContext<K, NoInfer<R>, S>) => void;
}

/** What is left of a definition without its types. */
interface ErasedDefinition {
  readonly state?: StateDeclarations;
  readonly onRecord: UserFunction<void>;
  readonly onSecond?: UserFunction<void>;
  readonly onTimer?: UserFunction<void>;
}

/** Adds the operator; returns the id of its node. */
export function addProcess(
  builder: GraphBuilder,
  place: NodePlace,
  { state: declarations = {}, onRecord, onSecond, onTimer }: ErasedDefinition,
): number {
  const declared = Object.entries(declarations).map(
    ([field, { kind, version }]) => [field, { kind, version }] as const,
  );
  const spec = {
    kind: "process",
    state: Object.fromEntries(declared),
    onRecord,
    ...(onSecond === undefined ? {} : { onSecond }),
    ...(onTimer === undefined ? {} : { onTimer }),
  } as const;
  return builder.add(spec, place);
}
