import type { ProcessSpec, UserFunction } from "@millrace/graph";

import { checkEmits, type Emits } from "./emits.ts";
import type { GraphBuilder, NodePlace } from "./graph-builder.ts";
import type { StateDeclarations, StateHandleOf, TimeDomain } from "./state.ts";

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

/** What the functions of a `process` operator work with; valid during the call only. */
export interface ProcessContext<K, R, S extends StateDeclarations> {
  readonly key: K;
  /** Event time of the record or the timer; -Infinity, as none, for a timer of processing time. */
  readonly timestamp: number;
  /** The event time that this operator has reached: in a timer the watermark that fires it, as in Flink. */
  readonly watermark: number;
  readonly state: {
    readonly [Name in keyof S]: StateHandleOf<S[Name]>;
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

/** What `open` works with; there is no current key, so no state. */
export interface OpenContext {
  readonly operatorName: string;
  /** From 0 on. */
  readonly subtaskIndex: number;
  readonly parallelism: number;
  /** From 1 on; another one after each failure. */
  readonly attempt: number;
  /** Whether the attempt goes on from a checkpoint or savepoint. */
  readonly isRestored: boolean;
}

export interface ProcessDefinition<T, K, R, S extends StateDeclarations> {
  /** The type of what is emitted, or a schema of it; without it nothing can be. */
  readonly emits?: Emits<R>;
  /** By the name that `ctx.state` offers it under. */
  readonly state?: S;
  /**
   * Called in each subtask and attempt before the first record, when the state of a checkpoint is there;
   * records wait for what it returns. An error fails the attempt as one of `onRecord` does.
   */
  readonly open?: (ctx: OpenContext) => void | Promise<void>;
  /**
   * Called once in each attempt of each subtask in which `open` was called. Behind the end of its input, when
   * all timers have fired, the job does not finish before it returns. Where the attempt fails, the job is
   * stopped or cancelled, or its worker drains, it has two seconds, and what it throws is logged. Not
   * called where the process is killed, its slot hangs or its thread breaks.
   */
  readonly close?: () => void | Promise<void>;
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
  readonly emits?: Emits<unknown>;
  readonly state?: StateDeclarations;
  readonly onRecord: UserFunction<void>;
  readonly onSecond?: UserFunction<void>;
  readonly onTimer?: UserFunction<void>;
  readonly open?: UserFunction<void | Promise<void>>;
  readonly close?: UserFunction<void | Promise<void>>;
}

/** Adds the operator; returns the id of its node. */
export function addProcess(
  builder: GraphBuilder,
  place: NodePlace,
  definition: ErasedDefinition,
): number {
  return builder.add(toProcessSpec(definition, place.name), place);
}

/** Returns the definition without its types. */
export function toProcessSpec(
  { emits, state = {}, onRecord, onSecond, onTimer, open, close }: ErasedDefinition,
  name = "",
): ProcessSpec {
  const { ofTwo } = checkEmits(emits, name);
  return {
    kind: "process",
    state,
    onRecord: ofTwo(onRecord),
    ...(onSecond === undefined ? {} : { onSecond: ofTwo(onSecond) }),
    ...(onTimer === undefined ? {} : { onTimer: ofTwo(onTimer) }),
    ...(open === undefined ? {} : { open }),
    ...(close === undefined ? {} : { close }),
  };
}
