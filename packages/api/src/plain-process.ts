import type { PlainFunctions } from "@millrace/graph";

import { checkEmits, type Emits } from "./emits.ts";
import type { GraphBuilder, NodePlace } from "./graph-builder.ts";
import type { OutputTag } from "./process.ts";
import { isStandardSchema } from "./standard-schema.ts";
import type { DeepReadonly } from "./state.ts";

/** What the functions of an operator without keys work with; valid during the call only. */
export interface PlainContext<R> {
  /** Event time of the record; -Infinity where the source gives none; Infinity in `onEnd`. */
  readonly timestamp: number;
  /** The event time that this operator has reached. */
  readonly watermark: number;
  /** Of this operator, from 0. */
  readonly subtaskIndex: number;
  readonly parallelism: number;
  /** Emits a record with the context's timestamp. */
  emit(record: R): void;
  /** Emits to a side output, with the context's timestamp; what nobody reads is dropped. */
  emitTo<Side>(tag: OutputTag<Side>, record: NoInfer<Side>): void;
}

/** The elements of a list that this subtask has; each must be plain data. */
export interface OperatorListState<Element> {
  get(): readonly Element[];
  /** Replaces all. */
  set(elements: readonly Element[]): void;
  add(element: Element): void;
  clear(): void;
}

/** What can be a key of broadcast state. */
export type BroadcastKey = string | number | bigint | boolean | null;

/** State that is the same in all subtasks, for reading. */
export interface ReadonlyBroadcastState<K extends BroadcastKey, Value> {
  get(key: K): DeepReadonly<Value> | undefined;
  has(key: K): boolean;
  /** In the order in which keys were first set. */
  entries(): Iterable<readonly [K, DeepReadonly<Value>]>;
  readonly size: number;
}

/** State that is the same in all subtasks, if all of them change it alike. */
export interface BroadcastState<K extends BroadcastKey, Value> extends ReadonlyBroadcastState<
  K,
  Value
> {
  set(key: K, value: Value | DeepReadonly<Value>): void;
  delete(key: K): void;
  clear(): void;
}

/** State that belongs to the operator, not to a key (Flink's OperatorStateStore). */
export interface OperatorStateStore {
  /**
   * At the same parallelism each subtask gets its own elements back, at another one all elements are
   * dealt out evenly.
   */
  list<Element>(name: string): OperatorListState<Element>;
  /** After a restore each subtask has the elements of all subtasks; it keeps what it wants. */
  unionList<Element>(name: string): OperatorListState<Element>;
  /** Stored by one subtask, restored by all: all have to hold the same. */
  broadcast<K extends BroadcastKey, Value>(name: string): BroadcastState<K, Value>;
}

/** What `initializeState` works with; the handles of `operatorState` stay valid. */
export interface InitializeContext {
  readonly operatorState: OperatorStateStore;
  /** Whether the operator was in the checkpoint that this attempt goes on from. */
  readonly isRestored: boolean;
  readonly subtaskIndex: number;
  readonly parallelism: number;
}

export interface SnapshotContext {
  readonly operatorState: OperatorStateStore;
  readonly checkpointId: bigint;
}

/** The functions of one subtask: what they close over is its own. */
export interface SubtaskFunctions<T, R> {
  readonly onRecord: (record: T, ctx: PlainContext<R>) => void;
  /** The input has ended; once, also over restarts. Not at `stop`. */
  readonly onEnd?: (ctx: PlainContext<R>) => void;
  /** Once in every attempt, before any record (Flink's CheckpointedFunction). */
  readonly initializeState?: (ctx: InitializeContext) => void;
  /**
   * Once in every attempt in which `initializeState` would be called: to close what the functions hold
   * outside. Behind the end of input the job does not finish before it returns; where the slot is
   * ended, see `close` of a keyed process.
   */
  readonly close?: () => void | Promise<void>;
  /** At every checkpoint: brings the state up to date. Records wait meanwhile. */
  readonly snapshotState?: (ctx: SnapshotContext) => void;
}

export interface PlainProcessDefinition<T, R> {
  /** The type of what is emitted, or a schema of it; without it nothing can be. */
  readonly emits?: Emits<R>;
  /** Returns the functions of one subtask; called once in each attempt of each. */
  readonly create: () => SubtaskFunctions<T, NoInfer<R>>;
}

/** Adds the operator; returns the id of its node. */
export function addPlainProcess(
  builder: GraphBuilder,
  place: NodePlace,
  { emits, create }: { readonly emits?: Emits<unknown>; readonly create: () => PlainFunctions },
): number {
  const name = place.name ?? "";
  // Each subtask has checks of its own, as it has a context of its own.
  const checked = (): PlainFunctions => withChecks(create(), checkEmits(emits, name));
  const isChecked = isStandardSchema(emits);
  return builder.add({ kind: "plain-process", create: isChecked ? checked : create }, place);
}

function withChecks(
  functions: PlainFunctions,
  { ofTwo, ofContext }: ReturnType<typeof checkEmits>,
): PlainFunctions {
  const { onRecord, onEnd } = functions;
  return {
    ...functions,
    onRecord: ofTwo(onRecord),
    ...(onEnd === undefined ? {} : { onEnd: ofContext(onEnd) }),
  };
}
