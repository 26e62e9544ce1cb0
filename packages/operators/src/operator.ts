import type { Barrier, Clock, JsonValue, LocalDisk, Logger } from "@millrace/core";
import type { KeyedBackend } from "@millrace/state";

/**
 * The contract between a task and an operator of its chain. All calls come from the task's thread,
 * one at a time. Records are plain values with an event time in milliseconds (-Infinity where the
 * source gives none).
 *
 * I1 Nothing per record awaits, allocates a closure, logs, or reads a clock.
 * I2 A loop that emits more than one record per call stops when `shouldPause` says so and goes on
 *    where it stopped.
 * I3 An operator forwards nothing but records: the task forwards watermarks, barriers and the end.
 */
export interface Operator {
  /** Called once, before any state is restored into it. */
  open(context: OperatorContext): void;
  /** A record of the first or only input. */
  onRecord(value: unknown, timestampMs: number): void;
  /** A record of the second input, where the operator tells two apart. */
  onSecond?(value: unknown, timestampMs: number): void;
  /**
   * Fires what is due up to the watermark (Infinity: the end of input). Returns true when all is
   * fired; on false the task calls again with the same watermark before anything else.
   */
  advanceWatermark?(watermarkMs: number, shouldPause: () => boolean): boolean;
  /**
   * Fires what is due by the wall clock up to the time; as `advanceWatermark`. The task calls it once
   * `nextProcessingTimeMs` is reached, never while a watermark is being fired.
   */
  advanceProcessingTime?(nowMs: number, shouldPause: () => boolean): boolean;
  /**
   * When `advanceProcessingTime` has something to do, in milliseconds since the epoch; Infinity: it
   * has nothing. Asked for once a turn, which need not come before that time. After the end of input
   * the operator decides whether anything still fires.
   */
  nextProcessingTimeMs?(): number;
  /**
   * The list entries of ALL old subtasks in manifest order; the operator chooses its own. Called
   * once in every attempt between open and the first record, with no entries if there are none.
   */
  restoreList?(entries: readonly JsonValue[]): Promise<void>;
  /**
   * Called once in every attempt, when all state of the subtask is restored and before its first
   * record; the subtask is ready when it returns.
   */
  start?(isRestored: boolean): Promise<void>;
  /**
   * Called once the input of an operator task has ended and everything has fired; nothing is emitted
   * any more. The subtask is drained when it returns.
   */
  readonly finish?: (() => Promise<void>) | undefined;
  /**
   * Called once when the slot is ended in order, wherever the operator is: also while `start` runs, after
   * a failure, or behind `finish`. Lets go of what the author's functions hold outside; nothing is
   * emitted. Absent where there is nothing to let go of: then the slot is not asked to.
   */
  readonly letGo?: (() => Promise<void>) | undefined;
  /**
   * Cuts at the barrier before its first await (two-phase sinks seal their transaction) and returns
   * the entries of non-keyed state to store, once all that they name is durable.
   */
  prepareSnapshot?(barrier: Barrier): Promise<readonly JsonValue[]>;
  /** The checkpoint is committed. Called in order, possibly not for each. Returns when published. */
  onCheckpointCompleted?(checkpointId: bigint): Promise<void>;
  /** Bytes that the operator holds back for its target; the task pauses above 4 MiB. */
  bufferedBytes?(): number;
  /** Called between turns when bufferedBytes is not 0. */
  flush?(): Promise<void>;
}

/** Where an operator's results go: the next operator of the chain, or the task's output gates. */
export interface Output {
  emit(value: unknown, timestampMs: number): void;
}

export interface OperatorContext {
  readonly jobId: string;
  readonly operatorName: string;
  readonly subtaskIndex: number;
  readonly parallelism: number;
  readonly attempt: number;
  readonly output: Output;
  /** Returns where what is emitted to the tag goes; what nobody reads is dropped. */
  readonly sideOutput: (tag: string) => Output;
  /** For keyed operators; the task has made the record's key current before onRecord. */
  readonly keyed: KeyedBackend | undefined;
  /** The last watermark that was fully fired in this operator, as restored; -Infinity at first. */
  readonly currentWatermarkMs: () => number;
  /**
   * The watermark as authors see it: the same, but while one is fired that one already, as in Flink. What
   * results must not depend on how often watermarks come goes by the other.
   */
  readonly seenWatermarkMs: () => number;
  /**
   * Milliseconds since the epoch, by the clock of this machine: read each time, and never less than
   * what it gave before in this subtask; on another machine, after a restore, it may be less.
   */
  readonly processingTimeMs: () => number;
  /**
   * The same, but read once in a turn of the slot's loop: at most as old as the turn, 2 ms unless a
   * function of the author takes longer, and never less than what fired in the turn.
   */
  readonly turnTimeMs: () => number;
  readonly clock: Clock;
  readonly disk: LocalDisk;
  readonly logger: Logger;
  /** Prints a line to the job's log, where `millrace logs` and the CLI find it. */
  readonly printLine: (text: string) => void;
  /** Counts records that came too late for their window. */
  readonly countLate: (recordCount: number) => void;
}
