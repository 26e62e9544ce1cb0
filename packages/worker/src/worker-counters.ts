/** What the parts of one worker count; `readMetrics` gives it out. */
export interface WorkerCounters {
  sessionsOpened: number;
  messagesStale: number;
  messagesHeld: number;
  slotsStarted: number;
  slotsHung: number;
  slotsExited: number;
  snapshotsAcked: number;
  snapshotsDeclined: number;
  slicesMsTotal: number;
  /** Of the last checkpoint that was acked. */
  lastP99SliceMs: number;
  lastLongestSliceMs: number;
  uploadsRunning: number;
  uploadedBytes: number;
  uploadMsTotal: number;
  uploadRetries: number;
  restoresCompleted: number;
  restoresFailed: number;
  restoredBytes: number;
  lastRestoreMs: number;
  corruptReads: number;
  logLinesDropped: number;
}

export function createWorkerCounters(): WorkerCounters {
  return {
    sessionsOpened: 0,
    messagesStale: 0,
    messagesHeld: 0,
    slotsStarted: 0,
    slotsHung: 0,
    slotsExited: 0,
    snapshotsAcked: 0,
    snapshotsDeclined: 0,
    slicesMsTotal: 0,
    lastP99SliceMs: 0,
    lastLongestSliceMs: 0,
    uploadsRunning: 0,
    uploadedBytes: 0,
    uploadMsTotal: 0,
    uploadRetries: 0,
    restoresCompleted: 0,
    restoresFailed: 0,
    restoredBytes: 0,
    lastRestoreMs: 0,
    corruptReads: 0,
    logLinesDropped: 0,
  };
}
