import type { SplitRecord, WorkerCut } from "@millrace/checkpoint";
import type {
  AttemptRef,
  Barrier,
  CheckpointId,
  FailureData,
  JsonValue,
  LeaderEpoch,
  SubtaskId,
  VertexId,
  WorkerId,
} from "@millrace/core";

/** The version of the session protocol; a worker of another one is refused with `version-skew`. */
export const protocolVersion = 1;

/** What a worker tells its coordinator over its session. */
export type WorkerMessage =
  | {
      readonly kind: "register";
      readonly protocolVersion: number;
      /** Version of the package, for people. */
      readonly version: string;
      readonly workerId: WorkerId;
      /** New for every start of the process. */
      readonly incarnation: string;
      readonly processId: number;
      readonly slots: readonly SlotOffer[];
      /** What runs here, when a worker comes back to a coordinator; the coordinator redeploys. */
      readonly running: readonly AttemptRef[];
    }
  /** A slot has a fresh thread and can take a subtask set. */
  | { readonly kind: "slot-ready"; readonly slot: SlotOffer }
  | {
      readonly kind: "subtask-state";
      readonly ref: AttemptRef;
      readonly subtaskId: SubtaskId;
      readonly state: SubtaskState;
    }
  | {
      readonly kind: "discovered-splits";
      readonly ref: AttemptRef;
      readonly vertexId: VertexId;
      readonly splits: readonly SplitRecord[];
      /** It looks for more from time to time; those that it has reported before come again. */
      readonly hasMore?: true;
    }
  | {
      readonly kind: "request-split";
      readonly ref: AttemptRef;
      readonly vertexId: VertexId;
      readonly subtaskIndex: number;
      /** Counts this subtask's requests from 1, so that a repeat is known. */
      readonly requestNumber: number;
    }
  /** Every subtask of this worker has its part of the checkpoint stored (S5). */
  | {
      readonly kind: "ack";
      readonly ref: AttemptRef;
      readonly checkpointId: CheckpointId;
      readonly cut: WorkerCut;
      readonly timings: CheckpointTimings;
    }
  | {
      readonly kind: "decline";
      readonly ref: AttemptRef;
      readonly checkpointId: CheckpointId;
      readonly failure: FailureData;
    }
  /** Every sink subtask of this worker has published all up to the checkpoint. */
  | {
      readonly kind: "published";
      readonly ref: AttemptRef;
      readonly checkpointId: CheckpointId;
    }
  | { readonly kind: "log-lines"; readonly ref: AttemptRef; readonly lines: readonly LogLine[] }
  | {
      readonly kind: "heartbeat";
      readonly sentAtMs: number;
      readonly subtasks: readonly SubtaskMetrics[];
    }
  /** The worker wants to end: it takes nothing new, and what it runs is to go elsewhere (F31). */
  | { readonly kind: "draining" };

/** What a coordinator tells a worker. */
export type CoordinatorMessage =
  /**
   * The worker is taken in. Said again, with the same epoch, as the answer to each heartbeat: a
   * worker takes silence over `heartbeatTimeoutMs` for a lost session, once it was answered so.
   */
  | {
      readonly kind: "welcome";
      readonly leaderEpoch: LeaderEpoch;
      readonly clusterId: string;
      readonly heartbeatIntervalMs: number;
      readonly heartbeatTimeoutMs: number;
    }
  /** The session ends: version skew, a stale incarnation, not the leader. */
  | { readonly kind: "refused"; readonly failure: FailureData }
  | { readonly kind: "deploy"; readonly deployment: Deployment }
  /** Every subtask of the attempt is ready. */
  | { readonly kind: "start"; readonly ref: AttemptRef }
  /** Ordered with inject-barrier: a split is in the pool's cut or in a reader, never both (S9). */
  | {
      readonly kind: "assign-split";
      readonly ref: AttemptRef;
      readonly vertexId: VertexId;
      readonly subtaskIndex: number;
      readonly requestNumber: number;
      /** Absent with `isPoolEmpty`: no more will come. */
      readonly split?: SplitRecord;
      readonly isPoolEmpty: boolean;
      /** No split left in the pool has an earlier record; Infinity when the pool is empty. */
      readonly poolLowerBoundMs: number;
    }
  | { readonly kind: "inject-barrier"; readonly ref: AttemptRef; readonly barrier: Barrier }
  | {
      readonly kind: "checkpoint-completed";
      readonly ref: AttemptRef;
      readonly checkpointId: CheckpointId;
    }
  | {
      readonly kind: "checkpoint-aborted";
      readonly ref: AttemptRef;
      readonly checkpointId: CheckpointId;
      readonly reason: string;
    }
  /** Sources read no further; with `isDrain` they then say end of input, else they stay silent. */
  | { readonly kind: "stop-sources"; readonly ref: AttemptRef; readonly isDrain: boolean }
  /** Sources of a group read on together: a split whose watermark is above its limit waits. */
  | {
      readonly kind: "align-sources";
      readonly ref: AttemptRef;
      readonly limits: readonly SourceLimit[];
    }
  /** The attempt is over on this worker: finished, failed elsewhere, cancelled. Frees its slots. */
  | { readonly kind: "cancel-attempt"; readonly ref: AttemptRef; readonly reason: string };

/** How far the subtasks of a source may read on. */
export interface SourceLimit {
  readonly vertexId: VertexId;
  readonly maxWatermarkMs: number;
}

export interface SlotOffer {
  readonly slotIndex: number;
  readonly dataAddress: string;
}

export type SubtaskState =
  /** State restored, channels may open; `restoredBytes` is the size of what was read. */
  | {
      readonly kind: "ready";
      readonly restoredBytes: number;
      /** Of sources: the splits and positions where reading goes on, in words. */
      readonly sourcePositions?: string;
    }
  | { readonly kind: "running" }
  /** Sources were told to stop and have; barriers still pass. */
  | { readonly kind: "stopped" }
  /** Its input has ended and all that follows from it is emitted; barriers still pass. */
  | { readonly kind: "drained" }
  | { readonly kind: "failed"; readonly failure: FailureData };

/** Everything a worker needs to run its part of an attempt; user code is fetched by hash. */
export interface Deployment {
  readonly ref: AttemptRef;
  readonly bundleSha256: string;
  readonly planSha256: string;
  /** Canonical JSON of the JobGraph. */
  readonly planJson: string;
  readonly params: JsonValue;
  /** The allow-list that the module may read as `process.env` while it loads and builds. */
  readonly environment: Readonly<Record<string, string>>;
  readonly channelToken: string;
  /** Of the whole attempt, in the order of vertices and indexes; a worker finds its own by its id. */
  readonly placements: readonly DeployedSubtask[];
  readonly restore?: { readonly checkpointId: CheckpointId; readonly manifest: ObjectRef };
}

export interface DeployedSubtask {
  readonly subtaskId: SubtaskId;
  readonly workerId: WorkerId;
  readonly slotIndex: number;
  readonly dataAddress: string;
}

/** An object and what its bytes must be. */
export interface ObjectRef {
  readonly name: string;
  readonly sha256: string;
}

/** The longest of the worker's subtasks, in milliseconds. */
export interface CheckpointTimings {
  readonly alignmentMs: number;
  /** From the barrier at the subtask to its last block. */
  readonly snapshotMs: number;
  readonly uploadMs: number;
}

export interface LogLine {
  readonly atMs: number;
  readonly level: "info" | "warn" | "error" | "print";
  /** `<vertex>/<index>`, or empty for lines about the worker. */
  readonly source: string;
  readonly text: string;
}

/** Counters since the attempt began, gauges as of now. */
export interface SubtaskMetrics {
  readonly subtaskId: SubtaskId;
  readonly recordsIn: number;
  readonly recordsOut: number;
  readonly recordsLate: number;
  readonly busyMs: number;
  readonly idleMs: number;
  readonly backpressuredMs: number;
  readonly watermarkMs: number;
  readonly stateCells: number;
  /** Of a subtask that begins with an async operator. */
  readonly async?: AsyncMetrics;
  /** Of a source whose event time is aligned: where it reads; Infinity where it reads nothing. */
  readonly alignedMs?: number;
}

/** What an async operator does; counters since the attempt began. */
export interface AsyncMetrics {
  /** Records that were taken and whose results were not emitted. */
  readonly inFlight: number;
  readonly capacity: number;
  readonly retries: number;
  readonly timeouts: number;
  /** Records that were not asked for, as the circuit breaker was open. */
  readonly notAsked: number;
  /** Absent: it has none. */
  readonly breaker?: "closed" | "open" | "half-open";
}
