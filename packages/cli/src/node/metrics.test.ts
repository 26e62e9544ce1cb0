import { parseJobId, parseSubtaskId } from "@millrace/core";
import { jobStates } from "@millrace/rpc";
import { expect, test } from "vitest";

import { renderCoordinatorMetrics } from "./coordinator-metrics.ts";
import { renderWorkerMetrics } from "./worker-metrics.ts";

const none = Object.fromEntries(jobStates.map((state) => [state, 0])) as Record<
  (typeof jobStates)[number],
  number
>;

test("a coordinator's metrics carry units and the job's id", async () => {
  const { text, contentType } = await renderCoordinatorMetrics({
    isLeading: true,
    workerCount: 2,
    slotCount: 2,
    freeSlotCount: 0,
    jobCounts: { ...none, running: 1 },
    staleMessageCount: 3,
    removedObjectCount: 4,
    metadataFailureCount: 7,
    jobs: [
      {
        jobId: parseJobId("delays-1"),
        jobName: "delays",
        state: "running",
        checkpointsCompleted: 5,
        checkpointsFailed: 1,
        checkpointDurationMsTotal: 2_500,
        checkpointBytesTotal: 1_000,
        lastCheckpointDurationMs: 500,
        lastCheckpointBytes: 200,
        restartCount: 2,
        lastRestoreMs: 250,
        restoreMsTotal: 700,
      },
    ],
  });
  expect(contentType).toContain("text/plain");
  expect(text).toContain('millrace_jobs{state="running"} 1');
  expect(text).toContain("millrace_metadata_failures_total 7");
  expect(text).toContain('millrace_checkpoints_completed_total{job="delays-1"} 5');
  expect(text).toContain('millrace_checkpoint_last_duration_seconds{job="delays-1"} 0.5');
  expect(text).toContain('millrace_restore_seconds_total{job="delays-1"} 0.7');
});

test("a worker's metrics say by subtask what was read and where the time went", async () => {
  const memory = [{ slotIndex: 0, heapBytes: 3_000, bufferBytes: 500, inputBytes: 200 }];
  const { text } = await renderWorkerMetrics(
    {
      session: { isConnected: true, sessionsOpened: 1, messagesStale: 0, messagesHeld: 0 },
      slots: { total: 1, ready: 1, inUse: 1, started: 1, hung: 0, exited: 0, memory },
      subtasks: [
        {
          subtaskId: parseSubtaskId("flights/1").subtaskId,
          recordsIn: 10,
          recordsOut: 9,
          recordsLate: 1,
          busyMs: 1_500,
          idleMs: 500,
          backpressuredMs: 0,
          watermarkMs: -Infinity,
          stateCells: 7,
          async: {
            inFlight: 40,
            capacity: 100,
            retries: 3,
            timeouts: 2,
            notAsked: 5,
            breaker: "open",
          },
        },
      ],
      snapshots: {
        acked: 1,
        declined: 0,
        uploading: 0,
        uploadedBytes: 5,
        uploadMsTotal: 6,
        uploadRetries: 0,
        slicesMsTotal: 40,
        lastP99SliceMs: 0.75,
        lastLongestSliceMs: 2,
      },
      restores: { completed: 1, failed: 0, restoredBytes: 8, lastRestoreMs: 9, corruptReads: 0 },
      logLinesDropped: 0,
    },
    { slotMemoryBytes: 1_048_576 },
  );
  expect(text).toContain('millrace_records_in_total{subtask="flights/1"} 10');
  expect(text).toContain('millrace_task_seconds_total{subtask="flights/1",state="busy"} 1.5');
  expect(text).toContain('millrace_async_in_flight{subtask="flights/1"} 40');
  expect(text).toContain('millrace_async_retries_total{subtask="flights/1"} 3');
  expect(text).toContain('millrace_async_breaker_state{subtask="flights/1",state="open"} 1');
  expect(text).toContain('millrace_async_breaker_state{subtask="flights/1",state="closed"} 0');
  expect(text).toContain('millrace_slot_input_bytes{slot="0"} 200');
  expect(text).toContain('millrace_slot_memory_bytes{slot="0",kind="heap"} 3000');
  expect(text).toContain('millrace_slot_memory_bytes{slot="0",kind="buffers"} 500');
  expect(text).toContain("millrace_slot_memory_limit_bytes 1048576");
  expect(text).toContain("millrace_snapshot_slice_seconds_total 0.04");
  expect(text).toContain("millrace_snapshot_last_p99_slice_seconds 0.00075");
  expect(text).toContain("millrace_snapshot_last_longest_slice_seconds 0.002");
  expect(text).not.toContain("millrace_watermark_seconds");
});
