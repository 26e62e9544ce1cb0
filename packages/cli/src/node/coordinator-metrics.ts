import type { CoordinatorMetrics, JobMetrics } from "@millrace/coordinator";

import { MetricSet } from "./metric-set.ts";
import type { RenderedMetrics } from "./serve-metrics.ts";

/** Returns what a coordinator counts, for Prometheus. */
export function renderCoordinatorMetrics(metrics: CoordinatorMetrics): Promise<RenderedMetrics> {
  const set = new MetricSet();
  set.gauge("millrace_coordinator_leading", "1 while it leads.", Number(metrics.isLeading));
  set.gauge("millrace_workers", "Workers with a session.", metrics.workerCount);
  set.gauge("millrace_slots", "Slots of all workers.", metrics.slotCount);
  set.gauge("millrace_slots_free", "Slots without a job.", metrics.freeSlotCount);
  set.counter(
    "millrace_stale_messages_total",
    "Messages of an older epoch that were refused.",
    metrics.staleMessageCount,
  );
  set.counter(
    "millrace_objects_removed_total",
    "Objects that garbage collection removed.",
    metrics.removedObjectCount,
  );
  set.counter(
    "millrace_metadata_failures_total",
    "Calls that the metadata store did not take: commits wait for it.",
    metrics.metadataFailureCount,
  );
  for (const [state, count] of Object.entries(metrics.jobCounts)) {
    set.gauge("millrace_jobs", "Jobs by state.", count, { state });
  }
  for (const job of metrics.jobs) addJob(set, job);
  return set.render();
}

function addJob(set: MetricSet, metrics: JobMetrics): void {
  const job = { job: metrics.jobId };
  const seconds = (valueMs: number): number => valueMs / 1_000;
  set.counter(
    "millrace_checkpoints_completed_total",
    "Completed checkpoints.",
    metrics.checkpointsCompleted,
    job,
  );
  set.counter(
    "millrace_checkpoints_failed_total",
    "Checkpoints that failed or timed out.",
    metrics.checkpointsFailed,
    job,
  );
  set.counter(
    "millrace_checkpoint_duration_seconds_total",
    "Time of the completed checkpoints, summed.",
    seconds(metrics.checkpointDurationMsTotal),
    job,
  );
  set.counter(
    "millrace_checkpoint_bytes_total",
    "Bytes uploaded by completed checkpoints.",
    metrics.checkpointBytesTotal,
    job,
  );
  set.gauge(
    "millrace_checkpoint_last_duration_seconds",
    "Time of the last completed checkpoint.",
    seconds(metrics.lastCheckpointDurationMs),
    job,
  );
  set.gauge(
    "millrace_checkpoint_last_bytes",
    "Bytes uploaded by the last completed checkpoint.",
    metrics.lastCheckpointBytes,
    job,
  );
  set.counter("millrace_restarts_total", "Restarts of the job.", metrics.restartCount, job);
  set.gauge(
    "millrace_restore_last_seconds",
    "From the detection of the last failure to running again.",
    seconds(metrics.lastRestoreMs),
    job,
  );
  set.counter(
    "millrace_restore_seconds_total",
    "Time of all restarts, summed.",
    seconds(metrics.restoreMsTotal),
    job,
  );
}
