import type { Clock, JsonValue, LocalDisk, Logger } from "@millrace/core";

/** Ports and ids that a connector's code gets on a worker. Connectors touch nothing else. */
export interface ConnectorContext {
  readonly jobId: string;
  readonly operatorName: string;
  readonly subtaskIndex: number;
  readonly parallelism: number;
  readonly attempt: number;
  readonly disk: LocalDisk;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What is known only when the job is built; connectors make their options absolute with it. */
export interface BuildEnvironment {
  /** Absolute; where the job is submitted. Relative paths of a job resolve against it. */
  readonly baseDirectory: string;
}

/** A source whose options are not complete before the job is built, such as one with a path. */
export interface SourceFactory<T> {
  createSource(environment: BuildEnvironment): SourceConnector<T>;
}

/** A sink whose options are not complete before the job is built. */
export interface SinkFactory<T> {
  createSink(environment: BuildEnvironment): SinkConnector<T>;
}

/** What a source reads. Discovery runs at subtask 0 only; reading runs at every subtask. */
export interface SourceConnector<T> {
  /** The connector's package name without scope, such as `parquet`. */
  readonly connector: string;
  /** Part of the plan; plain JSON, absolute paths, no secrets. */
  readonly options: JsonValue;
  /** Whether a split can be read again from a position; printed with the job's guarantee. */
  readonly canReplay: boolean;
  /**
   * False: its splits have no end, so a reader takes as many as it gets and reads them in turn. True
   * unless set: a reader has one split at a time.
   */
  readonly isBounded?: boolean;
  /**
   * Discovery is repeated each time that so many milliseconds have passed, and what it has not returned
   * before are new splits: it must go on returning the others. Once unless set. Then the source has no
   * end; while a reader has no split, it does not hold up event time.
   */
  readonly rediscoverMs?: number;
  /**
   * Returns all splits, ordered: the coordinator assigns the earliest first. Must give the same
   * result for the same input. Throws `input-not-found` or `input-unreadable`.
   */
  discover(context: ConnectorContext): Promise<readonly SplitDescriptor[]>;
  createReader(context: ConnectorContext): SourceReader<T>;
}

/** A part of the input that one subtask reads at a time; opaque to the engine. */
export interface SplitDescriptor {
  /** Unique in the source. */
  readonly id: string;
  readonly descriptor: JsonValue;
  /** No record of the split has an earlier event time; absent if that is not known. */
  readonly lowerBoundMs?: number;
}

export interface SourceReader<T> {
  /**
   * Opens a split from its beginning or from a position that a batch of this split gave. One split
   * is open at a time per handle; a reader may have several handles.
   */
  open(split: SplitDescriptor, position: JsonValue | undefined): Promise<SplitHandle<T>>;
  /** Lets go of what the reader holds outside, its open splits too; as the `close` of a `SinkWriter`. */
  close?(): Promise<void>;
}

export interface SplitHandle<T> {
  /**
   * Returns the next records (aim at 512 to 8,192), or undefined at the end of the split. Never
   * called again before it has answered. Blocks the thread for 10 ms at most.
   */
  nextBatch(): Promise<SourceBatch<T> | undefined>;
  close(): Promise<void>;
}

export interface SourceBatch<T> {
  readonly records: readonly T[];
  /**
   * Returns the position from which a reader would deliver record `index` first; `records.length`
   * is the position behind the batch. Called at barriers, not per record.
   */
  positionAt(index: number): JsonValue;
}

/** What a sink writes to, in two phases (Flink's TwoPhaseCommittingSink). */
export interface SinkConnector<T> {
  readonly connector: string;
  readonly options: JsonValue;
  readonly guarantee: "exactly-once" | "at-least-once";
  createWriter(context: ConnectorContext): SinkWriter<T>;
}

export interface SinkWriter<T> {
  /**
   * Buffers the record for the transaction that is open. Throws `record-not-encodable`. A property,
   * not a method, so that a sink of another record type does not compile.
   */
  readonly write: (record: T) => void;
  /** Bytes buffered and not yet handed to the target: the task pauses above its limit. */
  bufferedBytes(): number;
  /** Hands buffered records to the target, staged and invisible; called between batches. */
  flush(): Promise<void>;
  /**
   * Seals what was written since the last call under the transaction's id and returns, once it is
   * durable, what `publish` needs; undefined if nothing was written. The cut is made before the
   * first await: a later write belongs to the next transaction. If it fails, so does the task: what
   * was sealed comes again from the sources.
   */
  prepare(transactionId: SinkTransactionId): Promise<JsonValue | undefined>;
  /**
   * Makes a prepared transaction visible, under the id it was prepared with. Idempotent, also in
   * another process (S13).
   */
  publish(committable: JsonValue, transactionId: SinkTransactionId): Promise<void>;
  /**
   * Called once per attempt at subtask 0 after every restored committable was published: removes
   * what earlier attempts staged and never committed.
   */
  removeOrphans(): Promise<void>;
  /**
   * Lets go of what the writer holds outside, such as connections (Flink's SinkWriter.close). Called at
   * most once in an attempt, as the last of all calls: when the job is finished, stopped or cancelled,
   * when the attempt fails, or the worker drains; not where the process is killed or the slot hangs. What
   * was called before may not have returned: whoever waits for it hears of it no more. It has two seconds.
   * Leave it out where there is nothing to let go of: the slot is then ended at once.
   */
  close?(): Promise<void>;
}

/** A pure function of these names the transaction at the target, so that a repeat is the same. */
export interface SinkTransactionId {
  readonly jobId: string;
  readonly operatorName: string;
  readonly subtaskIndex: number;
  /** The attempt that wrote it, also when a later one publishes it. */
  readonly attempt: number;
  readonly checkpointId: bigint;
}
