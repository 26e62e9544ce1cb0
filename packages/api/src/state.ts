import { parseDuration, type Duration } from "@millrace/core";
import type { TimeToLiveSpec, UserFunction } from "@millrace/graph";

import type { Key } from "./data-stream.ts";
import { lateCheckerOf, type StandardSchema } from "./standard-schema.ts";

/** What a timer waits for, and what a time to live goes by: the watermark, or the wall clock. */
export type TimeDomain = "event-time" | "processing-time";

/**
 * How long an entry lives after it was written: a value, an element of a list, an entry of a map. From
 * then on it is never returned, and its memory is given back as the operator goes on.
 */
export type TimeToLive =
  | Duration
  | {
      readonly after: Duration;
      /**
       * Processing time by default. By event time, an entry written by a record lives until records,
       * timers or the watermark are `after` later than it.
       */
      readonly by?: TimeDomain;
      /** What puts the end off: `write` by default. */
      readonly refresh?: "write" | "read-and-write";
    };

export interface StateOptions {
  readonly version?: number;
  /** Unless set, what is written stays until it is cleared. */
  readonly ttl?: TimeToLive;
}

export interface CheckedStateOptions<Value> extends StateOptions {
  /**
   * Each value, element or entry that is written is held against it, and so is what is added; one that
   * does not fit fails the job with `record-invalid`. The schema's result is written, and has the same
   * type. What a checkpoint holds is not checked.
   */
  readonly schema?: StandardSchema<Value, Value>;
}

/** What each declaration has. */
interface Declared {
  readonly version: number;
  readonly ttl?: TimeToLiveSpec;
  readonly check?: UserFunction;
}

/** A state of a `process` operator, declared by name. */
export interface ValueStateDeclaration<Value> extends Declared {
  readonly kind: "value";
  /** Only types use it. */
  readonly of?: Value;
}

export interface ListStateDeclaration<Value> extends Declared {
  readonly kind: "list";
  /** Only types use it. */
  readonly of?: Value;
}

export interface MapStateDeclaration<MapKey, Value> extends Declared {
  readonly kind: "map";
  /** Only types use it. */
  readonly of?: readonly [MapKey, Value];
}

export interface ReducingStateDeclaration<Value> extends Declared {
  readonly kind: "reducing";
  readonly reduce: UserFunction;
  /** Only types use it. */
  readonly of?: Value;
}

export interface AggregatingStateDeclaration<Value, Result> extends Declared {
  readonly kind: "aggregating";
  readonly create: UserFunction;
  readonly add: UserFunction;
  readonly result: UserFunction;
  /** Only types use it. */
  readonly of?: readonly [Value, Result];
}

type StateDeclaration =
  | ValueStateDeclaration<unknown>
  | ListStateDeclaration<unknown>
  | MapStateDeclaration<unknown, unknown>
  | ReducingStateDeclaration<unknown>
  | AggregatingStateDeclaration<unknown, unknown>;

export type StateDeclarations = Readonly<Record<string, StateDeclaration>>;

export interface ReducingStateOptions<Value> extends CheckedStateOptions<Value> {
  /** Returns one value for two: what is there, and what is added. */
  readonly reduce: (present: DeepReadonly<Value>, added: DeepReadonly<Value>) => Value;
}

export interface AggregatingStateOptions<
  Value,
  Accumulator,
  Result,
> extends CheckedStateOptions<Value> {
  readonly create: () => Accumulator;
  /** Mutates its accumulator and returns nothing, or returns a new one. */
  readonly add: (accumulator: Accumulator, value: Value) => Accumulator | void;
  /** Returns what `get` gives: not the accumulator itself where `add` mutates it. */
  readonly result: (accumulator: DeepReadonly<Accumulator>) => Result;
}

/** What a `process` operator may declare as its state, each by key. */
export const state: {
  /** One value. */
  readonly value: <Value>(options?: CheckedStateOptions<Value>) => ValueStateDeclaration<Value>;
  /** Values in the order in which they were added; a snapshot writes a list that changed as a whole. */
  readonly list: <Value>(options?: CheckedStateOptions<Value>) => ListStateDeclaration<Value>;
  /** Values by a key of their own; a snapshot writes the entries that changed. */
  readonly map: <MapKey extends Key, Value>(
    options?: CheckedStateOptions<Value>,
  ) => MapStateDeclaration<MapKey, Value>;
  /** One value that all that is added is folded into. */
  readonly reducing: <Value>(
    options: ReducingStateOptions<Value>,
  ) => ReducingStateDeclaration<Value>;
  /** An accumulator of what is added; `get` gives what `result` makes of it. */
  readonly aggregating: <Value, Accumulator, Result>(
    options: AggregatingStateOptions<Value, Accumulator, Result>,
  ) => AggregatingStateDeclaration<Value, Result>;
} = {
  value: (options) => ({ kind: "value", ...declaredOf(options) }),
  list: (options) => ({ kind: "list", ...declaredOf(options) }),
  map: (options) => ({ kind: "map", ...declaredOf(options) }),
  reducing: ({ reduce, ...options }) => ({ kind: "reducing", ...declaredOf(options), reduce }),
  aggregating: ({ create, add, result, ...options }) => ({
    kind: "aggregating",
    ...declaredOf(options),
    create,
    add,
    result,
  }),
};

function declaredOf({ version = 1, ttl, schema }: CheckedStateOptions<unknown> = {}): Declared {
  return {
    version,
    ...(ttl === undefined ? {} : { ttl: parseTimeToLive(ttl) }),
    ...(schema === undefined ? {} : { check: lateCheckerOf(schema) }),
  };
}

function parseTimeToLive(ttl: TimeToLive): TimeToLiveSpec {
  const {
    after,
    by = "processing-time",
    refresh = "write",
  } = typeof ttl === "string" ? { after: ttl } : ttl;
  return { afterMs: parseDuration(after), by, refresh };
}

/** The type with everything in it readonly: what state hands out is not changed but by its handle. */
export type DeepReadonly<T> = T extends (...args: never) => unknown
  ? T
  : T extends Date | bigint | string | number | boolean | symbol | null | undefined
    ? T
    : T extends ReadonlyMap<infer K, infer V>
      ? ReadonlyMap<DeepReadonly<K>, DeepReadonly<V>>
      : T extends ReadonlySet<infer V>
        ? ReadonlySet<DeepReadonly<V>>
        : { readonly [Field in keyof T]: DeepReadonly<T[Field]> };

/** What `ctx.state` gives of a declaration. */
export type StateHandleOf<Declaration> =
  Declaration extends ValueStateDeclaration<infer Value>
    ? ValueStateHandle<Value>
    : Declaration extends ListStateDeclaration<infer Value>
      ? ListStateHandle<Value>
      : Declaration extends MapStateDeclaration<infer MapKey, infer Value>
        ? MapStateHandle<MapKey, Value>
        : Declaration extends ReducingStateDeclaration<infer Value>
          ? AddingStateHandle<Value, Value>
          : Declaration extends AggregatingStateDeclaration<infer Value, infer Result>
            ? AddingStateHandle<Value, Result>
            : never;

/** The current key's value of one state. */
export interface ValueStateHandle<Value> {
  get(): DeepReadonly<Value> | undefined;
  set(value: Value | DeepReadonly<Value>): void;
  clear(): void;
  /** Sets what the function makes of the present value. */
  update(change: (value: DeepReadonly<Value> | undefined) => Value | DeepReadonly<Value>): void;
}

/** The current key's list. */
export interface ListStateHandle<Value> {
  /** Returns the values in the order of adding; what was returned does not change later. */
  get(): readonly DeepReadonly<Value>[];
  add(value: Value | DeepReadonly<Value>): void;
  addAll(values: Iterable<Value | DeepReadonly<Value>>): void;
  /** Replaces the list. */
  set(values: Iterable<Value | DeepReadonly<Value>>): void;
  clear(): void;
}

/**
 * The current key's map; its keys are compared by what they say, as those of records are. It is gone
 * through in the order in which keys came in, until a restore: behind one the order is another, the same
 * for no two restores. Sort where the result depends on it.
 */
export interface MapStateHandle<MapKey, Value> {
  get(key: MapKey): DeepReadonly<Value> | undefined;
  has(key: MapKey): boolean;
  set(key: MapKey, value: Value | DeepReadonly<Value>): void;
  delete(key: MapKey): void;
  /** Sets what the function makes of the key's present value. */
  update(
    key: MapKey,
    change: (value: DeepReadonly<Value> | undefined) => Value | DeepReadonly<Value>,
  ): void;
  clear(): void;
  isEmpty(): boolean;
  entries(): Iterable<readonly [DeepReadonly<MapKey>, DeepReadonly<Value>]>;
  keys(): Iterable<DeepReadonly<MapKey>>;
  values(): Iterable<DeepReadonly<Value>>;
}

/** The current key's reducing or aggregating state. */
export interface AddingStateHandle<Value, Result> {
  /** Returns undefined if nothing was added. */
  get(): DeepReadonly<Result> | undefined;
  add(value: Value | DeepReadonly<Value>): void;
  clear(): void;
}
