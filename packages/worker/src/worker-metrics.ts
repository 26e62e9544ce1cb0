import type { SubtaskMetrics } from "@millrace/rpc";

import type { SlotMemory } from "./slot/task-host.ts";

/** What a worker counts, as of now; the command renders it. Counters begin with the process. */
export interface WorkerMetrics {
  readonly session: {
    readonly isConnected: boolean;
    readonly sessionsOpened: number;
    readonly messagesStale: number;
    readonly messagesHeld: number;
  };
  readonly slots: {
    readonly total: number;
    readonly ready: number;
    readonly inUse: number;
    readonly started: number;
    readonly hung: number;
    readonly exited: number;
    /** Of the slots whose host knows it. */
    readonly memory: readonly (SlotMemory & { readonly slotIndex: number })[];
  };
  /** Of the attempt that runs; empty if none does. */
  readonly subtasks: readonly SubtaskMetrics[];
  readonly snapshots: {
    readonly acked: number;
    readonly declined: number;
    readonly uploading: number;
    readonly uploadedBytes: number;
    readonly uploadMsTotal: number;
    readonly uploadRetries: number;
    /** How long slots were held by cuts and slices of encoding of the snapshots that were acked. */
    readonly slicesMsTotal: number;
    /** By one of them at a time, in the last checkpoint that was acked. */
    readonly lastP99SliceMs: number;
    readonly lastLongestSliceMs: number;
  };
  readonly restores: {
    readonly completed: number;
    readonly failed: number;
    readonly restoredBytes: number;
    /** Of the last restore. */
    readonly lastRestoreMs: number;
    readonly corruptReads: number;
  };
  readonly logLinesDropped: number;
}
