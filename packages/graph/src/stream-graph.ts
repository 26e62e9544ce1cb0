import type { JsonValue } from "@millrace/core";

import type { AsyncSpec } from "./async-spec.ts";
import type { BroadcastProcessSpec, KeyedBroadcastProcessSpec } from "./broadcast-process-spec.ts";
import type { BuildEnvironment, SinkConnector, SourceConnector } from "./connector.ts";
import type { CountWindowSpec, GeneralWindowSpec } from "./general-window.ts";
import type { JoinSpec } from "./join-spec.ts";
import type { PartitionSpec } from "./partition-spec.ts";
import type { PlainProcessSpec } from "./plain-process-spec.ts";
import type { StateSpec } from "./state-spec.ts";
import type { TableSpec } from "./table-spec.ts";
import type { WatermarkSpec } from "./watermark-spec.ts";

/** Version of the plain data that a bundle's inlined API yields. */
export const apiVersion = 1;

/** What a job module exports by default; data and functions, no classes (nothing uses instanceof). */
export interface JobDefinition {
  readonly millraceJob: typeof apiVersion;
  readonly name: string;
  /**
   * Runs the author's function and returns what it wrote. A slot passes the `baseDirectory` of the
   * submitted plan. Throws `job-module-invalid`, `job-module-failed`.
   */
  build(input: BuildInput): StreamGraph;
}

export interface BuildInput extends BuildEnvironment {
  readonly params: JsonValue;
}

/** What an author wrote, node by node, functions included. Node ids are indexes into `nodes`. */
export interface StreamGraph {
  readonly apiVersion: typeof apiVersion;
  readonly jobName: string;
  /** As the job was built with. */
  readonly baseDirectory: string;
  readonly nodes: readonly StreamNode[];
  readonly settings: JobSettings;
}

export interface StreamNode {
  readonly id: number;
  /** Given by the author where there is state; derived (`map-3`) elsewhere. Unique in the job. */
  readonly name: string;
  readonly inputs: readonly number[];
  readonly parallelism?: number;
  /** `head`: begins a chain. `never`: is a chain by itself. Absent: is chained where that is possible. */
  readonly chaining?: "head" | "never";
  /** Absent: that of its inputs, where they agree (see `slotSharingGroupsOf`). */
  readonly slotSharingGroup?: string;
  readonly spec: OperatorSpec;
}

/** Settings that the plan carries; absent means the default of `resolveSettings`. */
export interface JobSettings {
  readonly parallelism?: number;
  readonly maxParallelism?: number;
  readonly checkpoint?: {
    readonly intervalMs?: number;
    readonly timeoutMs?: number;
    readonly minPauseMs?: number;
    readonly retainedCount?: number;
  };
  readonly restart?: {
    /** Consecutive failures of the author's code without a completed checkpoint between. */
    readonly maxFailures?: number;
  };
}

/** A function of the author, its types erased; the API has checked them. */
// oxlint-disable-next-line typescript/no-explicit-any -- erased: only the typed API makes one
export type UserFunction<Result = unknown> = (...args: any[]) => Result;

export type OperatorSpec =
  | SourceSpec
  | { readonly kind: "map"; readonly map: UserFunction }
  | { readonly kind: "filter"; readonly filter: UserFunction<boolean> }
  /** Returns an iterable, or calls `emit(value)` given as second argument. */
  | { readonly kind: "flat-map"; readonly flatMap: UserFunction<Iterable<unknown> | undefined> }
  /** Virtual: its consumers are keyed and get hash-partitioned edges. */
  | { readonly kind: "key-by"; readonly key: UserFunction }
  /** Virtual: its consumers have all of its inputs. */
  | { readonly kind: "union" }
  /** Virtual: its consumers get records round robin. */
  | { readonly kind: "rebalance" }
  | PartitionSpec
  /** Virtual: its consumers get what its input emits to the tag, and nothing else of it. */
  | { readonly kind: "side-output"; readonly tag: string }
  /** Keyed: emits the running value. `reduce(accumulated, record)`; the first record is the seed. */
  | ReduceSpec
  | WindowSpec
  | GeneralWindowSpec
  | CountWindowSpec
  | ProcessSpec
  | AsyncSpec
  | JoinSpec
  | TableSpec
  | PlainProcessSpec
  | BroadcastProcessSpec
  | KeyedBroadcastProcessSpec
  | { readonly kind: "sink"; readonly connector: SinkConnector<unknown> }
  | { readonly kind: "print"; readonly label: string };

export interface SourceSpec {
  readonly kind: "source";
  readonly connector: SourceConnector<unknown>;
  readonly watermarks?: WatermarkSpec;
  /**
   * Returns what a record is, before anything else sees it; throws `record-invalid` for what is none.
   * See `readChecked`.
   */
  readonly check?: UserFunction;
  /** Records per second over all subtasks; absent means as fast as possible. */
  readonly rateLimit?: number;
}

/**
 * A keyed running aggregate (reduce, sum, count, min, max): `create` makes the value from a key's
 * first record, `add` returns the next value; each result is emitted through `result`.
 */
export interface ReduceSpec {
  readonly kind: "reduce";
  readonly create: UserFunction;
  readonly add: UserFunction;
  /**
   * Returns one value for two, the earlier one first. Where it is given, senders may fold records
   * (see `isCombined`), and a result is emitted once for several of them.
   */
  readonly merge?: UserFunction;
  /** `(value, key) => emitted`. */
  readonly result: UserFunction;
}

/** Event-time windows that fire at their end: aggregated in panes. */
export interface WindowSpec {
  readonly kind: "window";
  readonly assigner: TumblingWindows | SlidingWindows;
  readonly allowedLatenessMs: number;
  /** The side output for records that are too late for all their windows; absent: they are counted. */
  readonly lateTag?: string;
  /** Whether senders may fold records by `add` and `merge` (see `isCombined`); not unless true. */
  readonly isCombined?: boolean;
  readonly aggregate: {
    readonly create: UserFunction;
    /** Mutates its accumulator and returns nothing, or returns a new one. */
    readonly add: UserFunction;
    /** Present: it has two inputs, and this is what `add` is for records of the second one. */
    readonly addSecond?: UserFunction;
    readonly merge: UserFunction;
    /** `(accumulator, { key, window: { start, end } }) => emitted`. */
    readonly result: UserFunction;
    /** `result` emits through its second argument, which is a context, and returns nothing. */
    readonly emitsItself?: true;
    /** Of each window of a key, by the names that the context offers them under; not in panes. */
    readonly windowState?: Readonly<Record<string, StateSpec>>;
    /** Of the key, over all of its windows. */
    readonly globalState?: Readonly<Record<string, StateSpec>>;
    /** `(context) => void`, when a window is over, before its state goes; not in panes. */
    readonly onClear?: UserFunction<void>;
  };
}

export interface TumblingWindows {
  readonly kind: "tumbling";
  readonly sizeMs: number;
  readonly offsetMs: number;
  /** Absent: event time. */
  readonly time?: "processing";
}

/** Panes have the length of the greatest common divisor of size and slide. */
export interface SlidingWindows {
  readonly kind: "sliding";
  readonly sizeMs: number;
  readonly slideMs: number;
  readonly offsetMs: number;
  /** Absent: event time. */
  readonly time?: "processing";
}

export interface ProcessSpec {
  readonly kind: "process";
  /** By the name that `ctx.state` offers it under. */
  readonly state: Readonly<Record<string, StateSpec>>;
  /** With `onSecond`: the records of the first input. */
  readonly onRecord: UserFunction<void>;
  /** Present: it has two inputs, each with a key of its own; their records share state and timers. */
  readonly onSecond?: UserFunction<void>;
  readonly onTimer?: UserFunction<void>;
  /** `(context) => void`, in every attempt before the first record. */
  readonly open?: UserFunction<void | Promise<void>>;
  /** Behind the end of input, when everything has fired, or when the slot is ended before that. */
  readonly close?: UserFunction<void | Promise<void>>;
}
