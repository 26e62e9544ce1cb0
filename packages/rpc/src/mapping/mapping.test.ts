import {
  parseAttempt,
  parseCheckpointId,
  parseJobId,
  parseLeaderEpoch,
  parseVertexId,
  parseWorkerId,
  subtaskIdOf,
} from "@millrace/core";
import { expect, test } from "vitest";

import type { CoordinatorMessage, SubtaskMetrics, WorkerMessage } from "../session-messages.ts";
import { decodeCoordinatorMessage, encodeCoordinatorMessage } from "./coordinator-messages.ts";
import {
  decodeCallRequest,
  decodeCallResponse,
  encodeCallRequest,
  encodeCallResponse,
} from "./job-calls.ts";
import { decodeWorkerMessage, encodeWorkerMessage } from "./worker-messages.ts";

const vertexId = parseVertexId("flights");
const subtaskId = subtaskIdOf(vertexId, 1);
const workerId = parseWorkerId("worker-1");
const checkpointId = parseCheckpointId(2n ** 63n + 5n);
const ref = {
  jobId: parseJobId("delays-3f2a9c"),
  leaderEpoch: parseLeaderEpoch(2n ** 40n),
  attempt: parseAttempt(7),
};
const split = { id: "0", descriptor: { rows: [0, 9], path: "/ä" }, lowerBoundMs: -5 };
const failure = {
  code: "user-function-failed",
  message: "map-3: boom",
  domain: "user",
  location: { subtask: "flights/1", operator: "map-3" },
  stack: "Error: boom",
} as const;
const metrics: SubtaskMetrics = {
  subtaskId,
  recordsIn: 1,
  recordsOut: 2 ** 40,
  recordsLate: 3,
  busyMs: 1.5,
  idleMs: 2.5,
  backpressuredMs: 0,
  watermarkMs: -Infinity,
  stateCells: 9,
};
const segment = {
  name: "jobs/a/1/2/w-x.segment",
  lengthBytes: 2 ** 33,
  footerLength: 100,
  footerSha256: "ab".repeat(32),
  ownerCheckpointId: checkpointId,
};

test.each<WorkerMessage>([
  {
    kind: "register",
    protocolVersion: 1,
    version: "0.0.0",
    workerId,
    incarnation: "abc",
    processId: 42,
    slots: [{ slotIndex: 0, dataAddress: "unix:/tmp/x" }],
    running: [ref],
  },
  { kind: "slot-ready", slot: { slotIndex: 1, dataAddress: "tcp:127.0.0.1:1" } },
  { kind: "subtask-state", ref, subtaskId, state: { kind: "ready", restoredBytes: 2 ** 35 } },
  {
    kind: "subtask-state",
    ref,
    subtaskId,
    state: { kind: "ready", restoredBytes: 1, sourcePositions: "split 0 at row 5" },
  },
  { kind: "subtask-state", ref, subtaskId, state: { kind: "running" } },
  { kind: "subtask-state", ref, subtaskId, state: { kind: "stopped" } },
  { kind: "subtask-state", ref, subtaskId, state: { kind: "drained" } },
  { kind: "subtask-state", ref, subtaskId, state: { kind: "failed", failure } },
  { kind: "discovered-splits", ref, vertexId, splits: [split, { id: "1", descriptor: null }] },
  { kind: "request-split", ref, vertexId, subtaskIndex: 0, requestNumber: 3 },
  {
    kind: "ack",
    ref,
    checkpointId,
    cut: {
      segment,
      blocks: [
        {
          operator: "sum",
          kind: "keyed",
          role: "delta",
          groupStart: 0,
          groupEnd: 127,
          rawBytes: 9,
        },
        { operator: "in", kind: "list", role: "base", groupStart: 0, groupEnd: 0, rawBytes: 1 },
      ],
      subtasks: [{ subtaskId, parallelism: 2, watermarkMs: Infinity, isDrained: true }],
    },
    timings: { alignmentMs: 1, snapshotMs: 2.5, uploadMs: 3 },
  },
  {
    kind: "ack",
    ref,
    checkpointId,
    cut: { blocks: [], subtasks: [] },
    timings: { alignmentMs: 0, snapshotMs: 0, uploadMs: 0 },
  },
  { kind: "decline", ref, checkpointId, failure },
  { kind: "published", ref, checkpointId },
  { kind: "log-lines", ref, lines: [{ atMs: 1.5, level: "print", source: "a/0", text: "ü" }] },
  { kind: "heartbeat", sentAtMs: 1_700_000_000_000, subtasks: [metrics] },
  { kind: "draining" },
])("a worker's $kind arrives as it was sent", (message) => {
  expect(decodeWorkerMessage(encodeWorkerMessage(message))).toEqual(message);
});

test.each<CoordinatorMessage>([
  {
    kind: "welcome",
    leaderEpoch: ref.leaderEpoch,
    clusterId: "c",
    heartbeatIntervalMs: 1_000,
    heartbeatTimeoutMs: 5_000,
  },
  { kind: "refused", failure: { ...failure, code: "version-skew" } },
  {
    kind: "deploy",
    deployment: {
      ref,
      bundleSha256: "aa",
      planSha256: "bb",
      planJson: "{}",
      params: { rate: 1 },
      environment: { TZ: "UTC" },
      channelToken: "t",
      placements: [{ subtaskId, workerId, slotIndex: 0, dataAddress: "unix:/x" }],
      restore: { checkpointId, manifest: { name: "m", sha256: "cc" } },
    },
  },
  { kind: "start", ref },
  {
    kind: "assign-split",
    ref,
    vertexId,
    subtaskIndex: 1,
    requestNumber: 2,
    split,
    isPoolEmpty: false,
    poolLowerBoundMs: 5,
  },
  {
    kind: "assign-split",
    ref,
    vertexId,
    subtaskIndex: 1,
    requestNumber: 3,
    isPoolEmpty: true,
    poolLowerBoundMs: Infinity,
  },
  { kind: "inject-barrier", ref, barrier: { checkpointId, mode: "full" } },
  { kind: "inject-barrier", ref, barrier: { checkpointId, base: checkpointId, mode: "delta" } },
  { kind: "checkpoint-completed", ref, checkpointId },
  { kind: "checkpoint-aborted", ref, checkpointId, reason: "late" },
  { kind: "stop-sources", ref, isDrain: true },
  { kind: "cancel-attempt", ref, reason: "finished" },
])("a coordinator's $kind arrives as it was sent", (message) => {
  expect(decodeCoordinatorMessage(encodeCoordinatorMessage(message))).toEqual(message);
});

test("junk is refused, not guessed", () => {
  const junk = Uint8Array.of(255, 255, 255, 1);
  const refusal = expect.objectContaining({ code: "invalid-argument" });
  expect(() => decodeWorkerMessage(junk)).toThrow(refusal);
  expect(() => decodeCoordinatorMessage(new Uint8Array(0))).toThrow(refusal);
  expect(() => decodeCallRequest("DescribeJob", junk)).toThrow(refusal);
});

test("a submission arrives as it was sent", () => {
  const request = {
    requestId: "r",
    planJson: "{}",
    bundle: Buffer.from("export default 1"),
    bundleSha256: "aa",
    params: [1, null],
    environment: { A: "b" },
    parallelism: 3,
  };
  const encoded = encodeCallRequest("SubmitJob", request);
  expect(decodeCallRequest("SubmitJob", encoded)).toEqual(request);
});

test("a description arrives as it was sent", () => {
  const head = {
    checkpointId,
    kind: "savepoint",
    completedAtMs: 5,
    durationMs: 2,
    newBytes: 1,
    totalBytes: 2 ** 40,
    isHead: true,
  } as const;
  const description = {
    jobId: ref.jobId,
    jobName: "delays",
    state: "restarting",
    attempt: 2,
    submittedAtMs: 5,
    planJson: "{}",
    parallelism: 2,
    detail: "waits for 1 slot",
    head,
    checkpointsCompleted: 4,
    checkpointsFailed: 1,
    subtasks: [
      { subtaskId, workerId, slotIndex: 0, metrics },
      { subtaskId, workerId, slotIndex: 1 },
    ],
    failure,
    recoveries: [
      {
        attempt: 2,
        atMs: 1,
        durationMs: 2,
        cause: "worker lost",
        checkpointId,
        restoredBytes: 3,
        sourcePositions: "",
      },
    ],
  } as const;
  const encoded = encodeCallResponse("DescribeJob", description);
  expect(decodeCallResponse("DescribeJob", encoded)).toEqual(description);
});
