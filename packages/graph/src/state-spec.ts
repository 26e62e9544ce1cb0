import type { UserFunction } from "./stream-graph.ts";

/** A state of a `process` operator, without its types. */
export type StateSpec =
  | ValueStateSpec
  | ListStateSpec
  | MapStateSpec
  | ReducingStateSpec
  | AggregatingStateSpec;

interface StateOptions {
  readonly version: number;
  /** Absent: what is written stays until it is cleared. */
  readonly ttl?: TimeToLiveSpec;
  /**
   * `(value, what) => value`: what is written of a value, or an element, or an entry, or what is added;
   * throws `record-invalid`, with `what` in words, for one that is none.
   */
  readonly check?: UserFunction;
}

export interface ValueStateSpec extends StateOptions {
  readonly kind: "value";
}

export interface ListStateSpec extends StateOptions {
  readonly kind: "list";
}

export interface MapStateSpec extends StateOptions {
  readonly kind: "map";
}

export interface ReducingStateSpec extends StateOptions {
  readonly kind: "reducing";
  /** Returns one value for two: what is there, and what is added. */
  readonly reduce: UserFunction;
}

export interface AggregatingStateSpec extends StateOptions {
  readonly kind: "aggregating";
  readonly create: UserFunction;
  /** Mutates its accumulator and returns nothing, or returns a new one. */
  readonly add: UserFunction;
  readonly result: UserFunction;
}

export interface TimeToLiveSpec {
  readonly afterMs: number;
  readonly by: "event-time" | "processing-time";
  /** What puts the end off: writing an entry, or reading it too. */
  readonly refresh: "write" | "read-and-write";
}
