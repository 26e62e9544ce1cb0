import type { SplitRecord } from "@millrace/checkpoint";
import type { Barrier, CheckpointId, FailureData, SubtaskId, VertexId } from "@millrace/core";
import type { Deployment, LogLine, SourceLimit, SubtaskMetrics, SubtaskState } from "@millrace/rpc";
import type { StateBlock } from "@millrace/state";

import type { SliceTimes } from "../checkpoint/slice-times.ts";

/** What the worker's main thread tells a slot. Plain data; buffers in it are transferred. */
export type SlotCommand =
  | { readonly kind: "prepare"; readonly preparation: SlotPreparation }
  | { readonly kind: "start" }
  | {
      readonly kind: "assign-split";
      readonly vertexId: VertexId;
      readonly subtaskIndex: number;
      readonly requestNumber: number;
      readonly split?: SplitRecord;
      readonly isPoolEmpty: boolean;
      readonly poolLowerBoundMs: number;
    }
  | { readonly kind: "inject-barrier"; readonly barrier: Barrier }
  | { readonly kind: "checkpoint-completed"; readonly checkpointId: CheckpointId }
  | { readonly kind: "checkpoint-aborted"; readonly checkpointId: CheckpointId }
  | { readonly kind: "align-sources"; readonly limits: readonly SourceLimit[] }
  | { readonly kind: "stop-sources"; readonly isDrain: boolean }
  /** The slot is about to be ended: nothing runs any more but what lets go; answered by `let-go`. */
  | { readonly kind: "let-go" };

/** One attempt's work for one slot: the deployment, with the slot's own part of what is restored. */
export interface SlotPreparation extends Omit<Deployment, "bundleSha256" | "restore"> {
  /** The module: a `file:` URL in a thread; the simulation resolves the same string to a definition. */
  readonly bundleUrl: string;
  /** This slot's, upstream vertices first. */
  readonly ownSubtasks: readonly SubtaskId[];
  readonly restore?: SlotRestore;
}

export interface SlotRestore {
  readonly checkpointId: CheckpointId;
  readonly subtasks: readonly {
    readonly subtaskId: SubtaskId;
    /** Decompressed and verified; per operator and group base first, then deltas in order. Keyed
     * blocks cover the subtask's groups and possibly more; list entries are of all old subtasks. */
    readonly blocks: readonly StateBlock[];
    readonly watermarkMs: number;
  }[];
}

/** What a slot tells the main thread. */
export type SlotEvent =
  /** First of all: the thread is up and listens. */
  | { readonly kind: "listening"; readonly dataAddress: string }
  | { readonly kind: "subtask-state"; readonly subtaskId: SubtaskId; readonly state: SubtaskState }
  /** The author's functions may hold something outside from here on: tell the slot before its end. */
  | { readonly kind: "holds-outside" }
  /** They hold nothing any more. */
  | { readonly kind: "let-go" }
  | {
      readonly kind: "discovered-splits";
      readonly vertexId: VertexId;
      readonly splits: readonly SplitRecord[];
      readonly hasMore?: true;
    }
  | {
      readonly kind: "request-split";
      readonly vertexId: VertexId;
      readonly subtaskIndex: number;
      readonly requestNumber: number;
    }
  /** Blocks come while the snapshot is encoded; `snapshot-done` follows the last. */
  | {
      readonly kind: "snapshot-block";
      readonly subtaskId: SubtaskId;
      readonly checkpointId: CheckpointId;
      readonly block: StateBlock;
    }
  | {
      readonly kind: "snapshot-done";
      readonly subtaskId: SubtaskId;
      readonly checkpointId: CheckpointId;
      readonly parallelism: number;
      readonly watermarkMs: number;
      readonly isDrained: boolean;
      readonly alignmentMs: number;
      readonly snapshotMs: number;
      /** The cut at the barrier is one of them. */
      readonly slices: SliceTimes;
      /** The same in CPU time of the thread, without what it waited for a processor. */
      readonly sliceCpu: SliceTimes;
    }
  /** This subtask's part failed; the checkpoint is declined, the job goes on. */
  | {
      readonly kind: "snapshot-failed";
      readonly subtaskId: SubtaskId;
      readonly checkpointId: CheckpointId;
      readonly failure: FailureData;
    }
  /** The subtask's sinks have published everything up to the checkpoint (also if it has no sink). */
  | {
      readonly kind: "published";
      readonly subtaskId: SubtaskId;
      readonly checkpointId: CheckpointId;
    }
  | { readonly kind: "log-lines"; readonly lines: readonly LogLine[] }
  | { readonly kind: "metrics"; readonly subtasks: readonly SubtaskMetrics[] };
