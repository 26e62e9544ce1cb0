import type { UserFunction } from "./stream-graph.ts";

/** Functions of the author over records without keys, with state that belongs to the operator. */
export interface PlainProcessSpec {
  readonly kind: "plain-process";
  /** Returns the functions of one subtask; called once in each attempt of each. */
  readonly create: UserFunction<PlainFunctions>;
}

export interface PlainFunctions {
  readonly onRecord: UserFunction<void>;
  /** Its input has ended, and all of it was seen; not called again after a restore from behind it. */
  readonly onEnd?: UserFunction<void>;
  /** Before the first record of an attempt (Flink's CheckpointedFunction). */
  readonly initializeState?: UserFunction<void>;
  /** Behind the end of input, when `onEnd` has returned, or when the slot is ended before that. */
  readonly close?: UserFunction<void | Promise<void>>;
  /** At each barrier: brings the state up to date with what the functions hold. */
  readonly snapshotState?: UserFunction<void>;
}
