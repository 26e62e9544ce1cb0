import { invalidJob, type UserFunction } from "@millrace/graph";

import type { CreateStream, DataStream, ParallelismOptions } from "./data-stream.ts";
import { checkEmits, type Emits } from "./emits.ts";
import { requireName, type GraphBuilder, type NodePlace } from "./graph-builder.ts";
import type {
  BroadcastKey,
  BroadcastState,
  PlainContext,
  ReadonlyBroadcastState,
} from "./plain-process.ts";
import {
  toProcessSpec,
  type ProcessContext,
  type ProcessDefinition,
  type TimerContext,
} from "./process.ts";
import type { StateDeclarations, StateHandleOf } from "./state.ts";

/** A state that is the same in all subtasks, declared by name. */
export interface BroadcastStateDeclaration<K extends BroadcastKey, Value> {
  readonly kind: "broadcast-map";
  /** Only types use it. */
  readonly of?: readonly [K, Value];
}

/** Returns the declaration of a map that all subtasks hold alike (Flink's MapStateDescriptor). */
export function broadcastMap<K extends BroadcastKey, Value>(): BroadcastStateDeclaration<K, Value> {
  return { kind: "broadcast-map" };
}

export type BroadcastDeclarations = Readonly<
  Record<string, BroadcastStateDeclaration<BroadcastKey, unknown>>
>;

/** The states as the broadcast side has them. */
type WritableBroadcast<B> = {
  readonly [Name in keyof B]: B[Name] extends BroadcastStateDeclaration<infer K, infer Value>
    ? BroadcastState<K, Value>
    : never;
};

/** The states as the other side has them. */
type ReadableBroadcast<B> = {
  readonly [Name in keyof B]: B[Name] extends BroadcastStateDeclaration<infer K, infer Value>
    ? ReadonlyBroadcastState<K, Value>
    : never;
};

/** What `onBroadcast` works with. It has no key, so neither state by key nor timers. */
export interface BroadcastContext<R, B> extends PlainContext<R> {
  readonly broadcastState: WritableBroadcast<B>;
}

/** What `onBroadcast` works with beside keyed records. */
export interface KeyedSideContext<
  K,
  R,
  S extends StateDeclarations,
  B extends BroadcastDeclarations,
> extends BroadcastContext<R, B> {
  /**
   * Calls the function for each key of this subtask that has something in the state, in no promised
   * order; the handle is that key's during the call (Flink's applyToKeyedState). Over all subtasks
   * each key comes once. Takes one call for all keys, in which the subtask does nothing else.
   */
  applyToKeyedState<Name extends keyof S & string>(
    state: Name,
    apply: (key: K, state: StateHandleOf<S[Name]>) => void,
  ): void;
}

/** The states that the broadcast side declares. */
interface DeclaresBroadcast<B extends BroadcastDeclarations> {
  /** By the name that `ctx.broadcastState` offers it under. */
  readonly broadcastState: B;
}

export interface BroadcastProcessDefinition<
  T,
  U,
  R,
  B extends BroadcastDeclarations,
> extends DeclaresBroadcast<B> {
  /** The type of what is emitted, or a schema of it; without it nothing can be. */
  readonly emits?: Emits<R>;
  /** Runs in every subtask, and must do the same in each. */
  readonly onBroadcast: (record: U, ctx: BroadcastContext<NoInfer<R>, B>) => void;
  readonly onRecord: (
    record: T,
    ctx: PlainContext<NoInfer<R>> & { readonly broadcastState: ReadableBroadcast<B> },
  ) => void;
}

/** What the functions over the records of a key work with, beside what is broadcast. */
export type KeyedBroadcastContext<
  K,
  R,
  S extends StateDeclarations,
  B extends BroadcastDeclarations,
> = ProcessContext<K, R, S> & { readonly broadcastState: ReadableBroadcast<B> };

export interface KeyedBroadcastDefinition<
  Records extends { readonly first: unknown; readonly broadcast: unknown },
  K,
  R,
  S extends StateDeclarations,
  B extends BroadcastDeclarations,
>
  extends Omit<ProcessDefinition<never, K, R, S>, "onRecord" | "onTimer">, DeclaresBroadcast<B> {
  /** Runs in every subtask, and must do the same to what is broadcast in each. */
  readonly onBroadcast: (
    record: Records["broadcast"],
    ctx: KeyedSideContext<K, NoInfer<R>, S, B>,
  ) => void;
  readonly onRecord: (
    record: Records["first"],
    ctx: KeyedBroadcastContext<K, NoInfer<R>, S, B>,
  ) => void;
  readonly onTimer?: (
    timeMs: number,
    ctx: KeyedBroadcastContext<K, NoInfer<R>, S, B> & TimerContext<K, NoInfer<R>, S>,
  ) => void;
}

/** Where the two streams hang. */
export interface BroadcastPair {
  readonly builder: GraphBuilder;
  readonly inputs: readonly [number, number];
  readonly createStream: CreateStream;
}

/** A stream beside one that is broadcast; what they become is said by `process`. */
export class BroadcastConnectedStreams<T, U> {
  readonly #pair: BroadcastPair;
  /** Only types use it. */
  declare protected readonly recordTypes: readonly [T, U];

  constructor(pair: BroadcastPair) {
    this.#pair = pair;
  }

  /**
   * The author's own functions over records and what is broadcast (Flink's BroadcastProcessFunction).
   * Which of two records of different streams comes first is not promised.
   */
  process<B extends BroadcastDeclarations, R = never>(
    name: string,
    definition: BroadcastProcessDefinition<T, U, R, B>,
    { parallelism }: ParallelismOptions = {},
  ): DataStream<R> {
    requireName(name, "process");
    const { builder, inputs, createStream } = this.#pair;
    const { emits, onRecord, onBroadcast, broadcastState } = definition;
    const spec = {
      kind: "broadcast-process",
      onRecord: checkEmits(emits, name).ofTwo(onRecord),
      onBroadcast: checkEmits(emits, name).ofTwo(onBroadcast),
      broadcastState: Object.keys(broadcastState),
    } as const;
    return createStream(builder.add(spec, { inputs, name, parallelism }));
  }
}

/** A keyed stream beside one that is broadcast; what they become is said by `process`. */
export class KeyedBroadcastStreams<T, U, K> {
  readonly #pair: BroadcastPair;
  /** Only types use it. */
  declare protected readonly recordTypes: readonly [T, U, K];

  constructor(pair: BroadcastPair) {
    this.#pair = pair;
  }

  /**
   * The author's own functions over records, state and timers by key, and what is broadcast (Flink's
   * KeyedBroadcastProcessFunction). Which of two records of different streams comes first is not
   * promised.
   */
  process<
    B extends BroadcastDeclarations,
    R = never,
    S extends StateDeclarations = Record<never, never>,
  >(
    name: string,
    definition: KeyedBroadcastDefinition<{ readonly first: T; readonly broadcast: U }, K, R, S, B>,
    { parallelism }: ParallelismOptions = {},
  ): DataStream<R> {
    requireName(name, "process");
    const { builder, inputs, createStream } = this.#pair;
    const place = { inputs, name, parallelism };
    return createStream(addKeyedBroadcast(builder, place, definition));
  }
}

interface ErasedDefinition {
  readonly emits?: Emits<unknown>;
  readonly state?: StateDeclarations;
  readonly onRecord: UserFunction<void>;
  readonly onTimer?: UserFunction<void>;
  readonly onBroadcast: UserFunction<void>;
  readonly broadcastState: BroadcastDeclarations;
}

function addKeyedBroadcast(
  builder: GraphBuilder,
  place: NodePlace,
  { onBroadcast, broadcastState, ...process }: ErasedDefinition,
): number {
  return builder.add(
    {
      ...toProcessSpec(process, place.name),
      kind: "keyed-broadcast-process",
      onBroadcast: checkEmits(process.emits, place.name ?? "").ofTwo(onBroadcast),
      broadcastState: Object.keys(broadcastState),
    },
    place,
  );
}

/** Throws `job-module-invalid` if the broadcast stream is not of the same job. */
export function requireSameJob(builder: GraphBuilder, other: GraphBuilder): void {
  if (builder !== other) throw invalidJob("connect: the second stream belongs to another job");
}
