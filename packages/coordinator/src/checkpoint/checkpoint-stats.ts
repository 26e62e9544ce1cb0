import type { CommittedCheckpoint } from "@millrace/checkpoint";

/** Counters of a job's checkpoints since this coordinator took it up. */
export interface CheckpointStats {
  completed: number;
  failed: number;
  failedInRow: number;
  durationMsTotal: number;
  bytesTotal: number;
  lastDurationMs: number;
  lastBytes: number;
  /** Why the last one failed, in words; empty after one has completed. */
  lastFailure: string;
}

/** Returns counters at zero. */
export function createCheckpointStats(): CheckpointStats {
  return {
    completed: 0,
    failed: 0,
    failedInRow: 0,
    durationMsTotal: 0,
    bytesTotal: 0,
    lastDurationMs: 0,
    lastBytes: 0,
    lastFailure: "",
  };
}

export function countCompleted(stats: CheckpointStats, checkpoint: CommittedCheckpoint): void {
  stats.completed += 1;
  stats.failedInRow = 0;
  stats.lastFailure = "";
  stats.durationMsTotal += checkpoint.durationMs;
  stats.bytesTotal += checkpoint.newBytes;
  stats.lastDurationMs = checkpoint.durationMs;
  stats.lastBytes = checkpoint.newBytes;
}

export function countFailed(stats: CheckpointStats, reason: string): void {
  stats.failed += 1;
  stats.failedInRow += 1;
  stats.lastFailure = reason;
}
