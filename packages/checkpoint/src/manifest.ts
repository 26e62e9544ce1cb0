import type {
  Attempt,
  CheckpointId,
  JobId,
  JsonValue,
  LeaderEpoch,
  SubtaskId,
  VertexId,
} from "@millrace/core";

/** `final`: of a bounded job whose subtasks had all drained; its commit lets the job finish. */
export type CheckpointKind = "checkpoint" | "savepoint" | "final";

/** The body of a completed checkpoint: a JSON object in the object store, hashed in the metadata. */
export interface Manifest {
  readonly formatVersion: 1;
  readonly clusterId: string;
  readonly jobId: JobId;
  readonly checkpointId: CheckpointId;
  readonly kind: CheckpointKind;
  readonly leaderEpoch: LeaderEpoch;
  readonly attempt: Attempt;
  /** The metadata store's revision when the commit began; a lower one later means a restored backup. */
  readonly metadataRevision: bigint;
  /** The head that this checkpoint replaces, in commit order (S10). */
  readonly parent?: CheckpointId;
  /** What its deltas are relative to; absent when every snapshot is full. */
  readonly base?: CheckpointId;
  readonly planSha256: string;
  readonly bundleSha256: string;
  readonly maxParallelism: number;
  readonly triggeredAtMs: number;
  readonly completedAtMs: number;
  readonly segments: readonly ManifestSegment[];
  readonly chains: readonly BlockChain[];
  readonly subtasks: readonly SubtaskCut[];
  readonly splitPools: readonly SplitPoolCut[];
}

/** One object that holds blocks of one worker's subtasks; named once by the checkpoint that wrote it. */
export interface ManifestSegment {
  readonly name: string;
  readonly lengthBytes: number;
  readonly footerLength: number;
  readonly footerSha256: string;
  /** The checkpoint in the object's name: the only one that may be the first to reference it. */
  readonly ownerCheckpointId: CheckpointId;
}

/** Where to find the state of an operator for a range of key groups (for `list`: range 0..0). */
export interface BlockChain {
  readonly operator: string;
  readonly kind: "keyed" | "list";
  readonly groupStart: number;
  /** Inclusive. */
  readonly groupEnd: number;
  /** Indexes into `segments`: first the one with the base, then those with deltas, in commit order. */
  readonly segments: readonly number[];
}

export interface SubtaskCut {
  readonly subtaskId: SubtaskId;
  /** Of its vertex at this checkpoint. */
  readonly parallelism: number;
  /** The last watermark that was fully fired. */
  readonly watermarkMs: number;
  /** Its input had ended before the barrier. */
  readonly isDrained: boolean;
}

/** The splits of a source that no reader had at the barrier (S9). */
export interface SplitPoolCut {
  readonly vertexId: VertexId;
  readonly isDiscovered: boolean;
  readonly splits: readonly SplitRecord[];
  /** Ids of all that were discovered so far, where more may be; absent where none will be. */
  readonly known?: readonly string[];
}

/** A split as it lies in the pool; the same fields as the connector reported. */
export interface SplitRecord {
  readonly id: string;
  readonly descriptor: JsonValue;
  readonly lowerBoundMs?: number;
}

/** What a worker's ack names: one segment at most, and which blocks are new in it. */
export interface WorkerCut {
  /** Absent if no subtask had anything to store. */
  readonly segment?: ManifestSegment;
  readonly blocks: readonly BlockSummary[];
  readonly subtasks: readonly SubtaskCut[];
}

/** One or more adjacent blocks of the worker's segment, as the coordinator composes chains from them. */
export interface BlockSummary {
  readonly operator: string;
  readonly kind: "keyed" | "list";
  readonly role: "base" | "delta";
  readonly groupStart: number;
  readonly groupEnd: number;
  readonly rawBytes: number;
}
