import type { Emits } from "./emits.ts";
import type { OutputTag } from "./process.ts";
import type { StateDeclarations, StateHandleOf } from "./state.ts";

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

/** What a window's records come to, one by one. Functions must not keep what they are given. */
export interface IncrementalAggregate<T, Accumulator> {
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
}

/** How a window's records become a result. */
export interface Aggregate<T, K, Accumulator, R> extends IncrementalAggregate<T, Accumulator> {
  readonly result: (
    accumulator: NoInfer<Accumulator>,
    details: { readonly key: K; readonly window: TimeWindow },
  ) => R;
}

/** Where nothing is declared. */
type NoStates = Record<never, never>;

/** What a window's function works with; valid during the call only. */
export interface WindowContext<
  K,
  R,
  W extends StateDeclarations = NoStates,
  G extends StateDeclarations = NoStates,
> extends ClearedWindowContext<K, W, G> {
  /** The event time of what is emitted: the window's last millisecond. */
  readonly timestamp: number;
  emit(record: R): void;
  /** Emits to a side output; what nobody reads is dropped. */
  emitTo<Side>(tag: OutputTag<Side>, record: NoInfer<Side>): void;
}

/** What is left of a window that is over; valid during the call only. */
export interface ClearedWindowContext<
  K,
  W extends StateDeclarations = NoStates,
  G extends StateDeclarations = NoStates,
> {
  readonly key: K;
  readonly window: TimeWindow;
  /** The event time that this operator has reached: at a firing the watermark that fires it, as in Flink. */
  readonly watermark: number;
  /** Of this key's window: what its earlier firings have left. */
  readonly windowState: { readonly [Name in keyof W]: StateHandleOf<W[Name]> };
  /** Of this key: what all of its windows have left, also those that are over. */
  readonly globalState: { readonly [Name in keyof G]: StateHandleOf<G[Name]> };
  /** Returns the wall clock's milliseconds since the epoch; not the same when records come again. */
  processingTime(): number;
}

/** A function over a window, called each time it fires (Flink's ProcessWindowFunction). */
export interface WindowProcess<
  T,
  K,
  R,
  Contents,
  W extends StateDeclarations = NoStates,
  G extends StateDeclarations = NoStates,
> {
  /** The type of what is emitted, or a schema of it; without it nothing can be. */
  readonly emits?: Emits<R>;
  /**
   * Folds records as they come, so that the function gets one accumulator and no records: state is as
   * small as that. Without it all records of a window are state.
   */
  readonly aggregate?: IncrementalAggregate<T, Contents>;
  /**
   * States of each window of a key, for windows that fire more than once: `ctx.windowState` has them by
   * name, and they are gone with the window. Only windows that are over some time and become part of no
   * other one have them: not sessions, nor the global window, nor those by number of records.
   */
  readonly windowState?: W;
  /** States of each key that all of its windows share: `ctx.globalState` has them by name. */
  readonly globalState?: G;
  /** Gets the window's records in the order in which they came, or what `aggregate` made of them. */
  readonly onWindow: (contents: NoInfer<Contents>, ctx: WindowContext<K, NoInfer<R>, W, G>) => void;
  /**
   * Called when a window is over, behind its last firing and the allowed lateness, before its state goes
   * (Flink's `clear`). Windows of processing time that are open at the end of input are dropped without.
   */
  readonly onClear?: (ctx: ClearedWindowContext<K, W, G>) => void;
}

/** Returns the aggregate that keeps all records. */
export function allRecords<T>(): IncrementalAggregate<T, T[]> {
  return {
    create: () => [],
    add: (records, record) => {
      records.push(record);
    },
    merge: (into, from) => {
      for (const record of from) into.push(record);
    },
  };
}
