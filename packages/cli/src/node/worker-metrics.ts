import type { AsyncMetrics, SubtaskMetrics } from "@millrace/rpc";
import type { WorkerMetrics } from "@millrace/worker";

import { MetricSet } from "./metric-set.ts";
import type { RenderedMetrics } from "./serve-metrics.ts";

/** Returns what a worker counts, for Prometheus. */
export function renderWorkerMetrics(
  metrics: WorkerMetrics,
  { slotMemoryBytes }: { readonly slotMemoryBytes: number },
): Promise<RenderedMetrics> {
  const set = new MetricSet();
  addMemory(set, metrics.slots, slotMemoryBytes);
  addProcess(set, metrics);
  addSnapshots(set, metrics);
  addRestores(set, metrics);
  for (const subtask of metrics.subtasks) addSubtask(set, subtask);
  return set.render();
}

function addProcess(set: MetricSet, { session, slots, logLinesDropped }: WorkerMetrics): void {
  set.gauge("millrace_session_connected", "1 while a leader answers.", Number(session.isConnected));
  set.counter("millrace_sessions_opened_total", "Sessions opened.", session.sessionsOpened);
  set.counter("millrace_messages_stale_total", "Messages refused as old.", session.messagesStale);
  set.gauge("millrace_slots", "Slots of this worker.", slots.total);
  set.gauge("millrace_slots_in_use", "Slots with a job.", slots.inUse);
  set.counter("millrace_slots_started_total", "Slot threads started.", slots.started);
  set.counter("millrace_slots_hung_total", "Slots ended because they hung.", slots.hung);
  set.counter("millrace_slots_exited_total", "Slots that ended by themselves.", slots.exited);
  set.counter("millrace_log_lines_dropped_total", "Log lines above the limit.", logLinesDropped);
}

function addMemory(
  set: MetricSet,
  { memory }: WorkerMetrics["slots"],
  slotMemoryBytes: number,
): void {
  const help = "What a slot may hold: its heap and its buffers.";
  set.gauge("millrace_slot_memory_limit_bytes", help, slotMemoryBytes);
  for (const { slotIndex, heapBytes, bufferBytes, inputBytes } of memory) {
    set.gauge(
      "millrace_slot_input_bytes",
      "Records that wait in a slot's inputs; a part of its buffers.",
      inputBytes,
      { slot: String(slotIndex) },
    );
    const held = { heap: heapBytes, buffers: bufferBytes };
    for (const [kind, sizeBytes] of Object.entries(held)) {
      set.gauge("millrace_slot_memory_bytes", "What a slot holds.", sizeBytes, {
        slot: String(slotIndex),
        kind,
      });
    }
  }
}

function addSnapshots(set: MetricSet, { snapshots }: WorkerMetrics): void {
  set.counter("millrace_snapshots_acked_total", "Snapshots acknowledged.", snapshots.acked);
  set.counter("millrace_snapshots_declined_total", "Snapshots declined.", snapshots.declined);
  set.counter("millrace_upload_bytes_total", "Bytes uploaded.", snapshots.uploadedBytes);
  set.counter("millrace_upload_retries_total", "Uploads tried again.", snapshots.uploadRetries);
  set.counter(
    "millrace_upload_seconds_total",
    "Time of uploads, summed.",
    snapshots.uploadMsTotal / 1_000,
  );
  set.counter(
    "millrace_snapshot_slice_seconds_total",
    "Time for which snapshots held slots: cuts at barriers and slices of encoding, summed.",
    snapshots.slicesMsTotal / 1_000,
  );
  const lastHelp = "Time for which a slot was held at once by the last checkpoint's snapshots";
  set.gauge(
    "millrace_snapshot_last_p99_slice_seconds",
    `${lastHelp}, in 99 of 100 times.`,
    snapshots.lastP99SliceMs / 1_000,
  );
  set.gauge(
    "millrace_snapshot_last_longest_slice_seconds",
    `${lastHelp}, at most.`,
    snapshots.lastLongestSliceMs / 1_000,
  );
}

function addRestores(set: MetricSet, { restores }: WorkerMetrics): void {
  set.counter("millrace_restores_completed_total", "Restores completed.", restores.completed);
  set.counter("millrace_restores_failed_total", "Restores failed.", restores.failed);
  set.counter("millrace_restored_bytes_total", "Bytes restored.", restores.restoredBytes);
  set.counter(
    "millrace_corrupt_reads_total",
    "Reads whose bytes were not what they must be.",
    restores.corruptReads,
  );
  set.gauge(
    "millrace_restore_last_seconds",
    "Time of the last restore.",
    restores.lastRestoreMs / 1_000,
  );
}

function addSubtask(set: MetricSet, metrics: SubtaskMetrics): void {
  const subtask = { subtask: metrics.subtaskId };
  set.counter("millrace_records_in_total", "Records read.", metrics.recordsIn, subtask);
  set.counter("millrace_records_out_total", "Records emitted.", metrics.recordsOut, subtask);
  set.counter(
    "millrace_records_late_total",
    "Records too late for their window.",
    metrics.recordsLate,
    subtask,
  );
  for (const [state, valueMs] of [
    ["busy", metrics.busyMs],
    ["idle", metrics.idleMs],
    ["backpressured", metrics.backpressuredMs],
  ] as const) {
    set.counter("millrace_task_seconds_total", "Time by what the task did.", valueMs / 1_000, {
      ...subtask,
      state,
    });
  }
  set.gauge("millrace_state_cells", "Cells of keyed state.", metrics.stateCells, subtask);
  if (metrics.async !== undefined) addAsync(set, metrics.async, subtask);
  if (Number.isFinite(metrics.watermarkMs)) {
    set.gauge(
      "millrace_watermark_seconds",
      "The event time that the task has reached, since the epoch.",
      metrics.watermarkMs / 1_000,
      subtask,
    );
  }
}

function addAsync(
  set: MetricSet,
  { inFlight, capacity, retries, timeouts, notAsked, breaker }: AsyncMetrics,
  subtask: { readonly subtask: string },
): void {
  set.gauge("millrace_async_in_flight", "Records that wait for answers.", inFlight, subtask);
  set.gauge("millrace_async_capacity", "Records that may wait for answers.", capacity, subtask);
  set.counter("millrace_async_retries_total", "Tries after the first.", retries, subtask);
  set.counter(
    "millrace_async_timeouts_total",
    "Records without an answer in time.",
    timeouts,
    subtask,
  );
  if (breaker === undefined) return;
  const notAskedHelp = "Records not asked for, as the circuit breaker was open.";
  set.counter("millrace_async_not_asked_total", notAskedHelp, notAsked, subtask);
  for (const state of ["closed", "open", "half-open"] as const) {
    const help = "1 for the state that the circuit breaker is in.";
    set.gauge("millrace_async_breaker_state", help, Number(breaker === state), {
      ...subtask,
      state,
    });
  }
}
