import { StreamError, streamErrorCodes } from "@millrace/core";
import fc, { type Arbitrary } from "fast-check";
import { expect, test } from "vitest";

import { jobStates, type JobCalls, type JobMethod } from "../job-calls.ts";
import type { CoordinatorMessage, WorkerMessage } from "../session-messages.ts";
import * as any from "../test-kit/arbitrary-messages.ts";
import { decodeCoordinatorMessage, encodeCoordinatorMessage } from "./coordinator-messages.ts";
import {
  decodeCallRequest,
  decodeCallResponse,
  encodeCallRequest,
  encodeCallResponse,
} from "./job-calls.ts";
import { decodeWorkerMessage, encodeWorkerMessage } from "./worker-messages.ts";

const { partly, ref, vertexId, checkpointId, subtaskId, text, uint32, count, ms } = any;
const slot = fc.record({ slotIndex: uint32, dataAddress: text });
const kind = <Kind extends string>(name: Kind): Arbitrary<Kind> => fc.constant(name);

const subtaskState = fc.oneof(
  partly({ kind: kind("ready"), restoredBytes: count }, { sourcePositions: text }),
  fc.record({ kind: fc.constantFrom("running" as const, "stopped" as const, "drained" as const) }),
  fc.record({ kind: kind("failed"), failure: any.failure }),
);

const workerMessage: Arbitrary<WorkerMessage> = fc.oneof(
  fc.record({
    kind: kind("register"),
    protocolVersion: uint32,
    version: text,
    workerId: any.workerId,
    incarnation: text,
    processId: uint32,
    slots: fc.array(slot),
    running: fc.array(ref),
  }),
  fc.record({ kind: kind("slot-ready"), slot }),
  fc.record({ kind: kind("subtask-state"), ref, subtaskId, state: subtaskState }),
  partly(
    { kind: kind("discovered-splits"), ref, vertexId, splits: fc.array(any.split) },
    { hasMore: fc.constant(true as const) },
  ),
  fc.record({
    kind: kind("request-split"),
    ref,
    vertexId,
    subtaskIndex: uint32,
    requestNumber: uint32,
  }),
  fc.record({
    kind: kind("ack"),
    ref,
    checkpointId,
    cut: any.cut,
    timings: fc.record({ alignmentMs: ms, snapshotMs: ms, uploadMs: ms }),
  }),
  fc.record({ kind: kind("decline"), ref, checkpointId, failure: any.failure }),
  fc.record({ kind: kind("published"), ref, checkpointId }),
  fc.record({ kind: kind("log-lines"), ref, lines: fc.array(any.logLine) }),
  fc.record({ kind: kind("heartbeat"), sentAtMs: ms, subtasks: fc.array(any.metrics) }),
  fc.record({ kind: kind("draining") }),
);

const deployment = partly(
  {
    ref,
    bundleSha256: text,
    planSha256: text,
    planJson: text,
    params: any.json,
    environment: any.environment,
    channelToken: text,
    placements: fc.array(
      fc.record({ subtaskId, workerId: any.workerId, slotIndex: uint32, dataAddress: text }),
    ),
  },
  { restore: fc.record({ checkpointId, manifest: fc.record({ name: text, sha256: text }) }) },
);

const coordinatorMessage: Arbitrary<CoordinatorMessage> = fc.oneof(
  fc.record({
    kind: kind("welcome"),
    leaderEpoch: any.leaderEpoch,
    clusterId: text,
    heartbeatIntervalMs: ms,
    heartbeatTimeoutMs: ms,
  }),
  fc.record({ kind: kind("refused"), failure: any.failure }),
  fc.record({ kind: kind("deploy"), deployment }),
  fc.record({ kind: kind("start"), ref }),
  partly(
    {
      kind: kind("assign-split"),
      ref,
      vertexId,
      subtaskIndex: uint32,
      requestNumber: uint32,
      isPoolEmpty: any.isOr,
      poolLowerBoundMs: ms,
    },
    { split: any.split },
  ),
  fc.record({ kind: kind("inject-barrier"), ref, barrier: any.barrier }),
  fc.record({ kind: kind("checkpoint-completed"), ref, checkpointId }),
  fc.record({ kind: kind("checkpoint-aborted"), ref, checkpointId, reason: text }),
  fc.record({
    kind: kind("align-sources"),
    ref,
    limits: fc.array(fc.record({ vertexId, maxWatermarkMs: ms })),
  }),
  fc.record({ kind: kind("stop-sources"), ref, isDrain: any.isOr }),
  fc.record({ kind: kind("cancel-attempt"), ref, reason: text }),
);

const checkpointKind = fc.constantFrom(
  "checkpoint" as const,
  "savepoint" as const,
  "final" as const,
);
const checkpointSummary = partly(
  {
    checkpointId,
    kind: checkpointKind,
    completedAtMs: ms,
    durationMs: ms,
    newBytes: count,
    totalBytes: count,
    isHead: any.isOr,
  },
  { parentId: checkpointId },
);
const verifiedCheckpoint = fc.record({
  checkpointId,
  kind: checkpointKind,
  objectCount: uint32,
  blockCount: uint32,
  readBytes: count,
  entryCount: count,
  problems: fc.array(
    fc.record({ objectName: text, code: fc.constantFrom(...streamErrorCodes), message: text }),
  ),
});
const summaryFields = {
  jobId: any.jobId,
  jobName: text,
  state: fc.constantFrom(...jobStates),
  attempt: uint32,
  submittedAtMs: ms,
};
const description = partly(
  {
    ...summaryFields,
    planJson: text,
    parallelism: uint32,
    detail: text,
    checkpointsCompleted: count,
    checkpointsFailed: count,
    subtasks: fc.array(
      partly({ subtaskId, workerId: any.workerId, slotIndex: uint32 }, { metrics: any.metrics }),
    ),
    recoveries: fc.array(
      partly(
        {
          attempt: uint32,
          atMs: ms,
          durationMs: ms,
          cause: text,
          restoredBytes: count,
          sourcePositions: text,
        },
        { checkpointId },
      ),
    ),
  },
  { endedAtMs: ms, head: checkpointSummary, failure: any.failure },
);

const nothing = fc.constant({});
const ofJob = fc.record({ jobId: any.jobId });

const calls: {
  readonly [Method in JobMethod]: {
    readonly request: Arbitrary<JobCalls[Method]["request"]>;
    readonly response: Arbitrary<JobCalls[Method]["response"]>;
  };
} = {
  SubmitJob: {
    request: partly(
      {
        requestId: text,
        planJson: text,
        bundle: fc.uint8Array(),
        bundleSha256: text,
        params: any.json,
        environment: any.environment,
      },
      {
        parallelism: uint32,
        restoreFrom: partly(
          { jobId: any.jobId, allowDroppedState: any.isOr },
          { checkpointId: any.checkpointId },
        ),
      },
    ),
    response: ofJob,
  },
  ListJobs: {
    request: nothing,
    response: fc.record({ jobs: fc.array(partly(summaryFields, { endedAtMs: ms })) }),
  },
  DescribeJob: { request: ofJob, response: description },
  CancelJob: { request: ofJob, response: nothing },
  StopJob: {
    request: fc.record({ jobId: any.jobId, isDrain: any.isOr }),
    response: nothing,
  },
  ListCheckpoints: {
    request: ofJob,
    response: fc.record({ checkpoints: fc.array(checkpointSummary) }),
  },
  VerifyCheckpoints: {
    request: partly({ jobId: any.jobId }, { checkpointId }),
    response: fc.record({ checkpoints: fc.array(verifiedCheckpoint) }),
  },
  ReadLogs: {
    request: fc.record({
      jobId: any.jobId,
      afterSequence: count,
      leaderEpoch: any.leaderEpoch,
      waitMs: ms,
    }),
    response: fc.record({
      lines: fc.array(any.logLine),
      lastSequence: count,
      leaderEpoch: any.leaderEpoch,
    }),
  },
  DescribeCluster: {
    request: nothing,
    response: fc.record({
      clusterId: text,
      leaderEpoch: any.leaderEpoch,
      version: text,
      workers: fc.array(
        fc.record({
          workerId: any.workerId,
          processId: uint32,
          slotCount: uint32,
          freeSlotCount: uint32,
          version: text,
        }),
      ),
    }),
  },
};

test("whatever a worker says arrives as it was said", () => {
  fc.assert(
    fc.property(workerMessage, (message) => {
      expect(decodeWorkerMessage(encodeWorkerMessage(message))).toEqual(message);
    }),
    { numRuns: 300 },
  );
});

test("whatever a coordinator says arrives as it was said", () => {
  fc.assert(
    fc.property(coordinatorMessage, (message) => {
      expect(decodeCoordinatorMessage(encodeCoordinatorMessage(message))).toEqual(message);
    }),
    { numRuns: 300 },
  );
});

const methods = Object.keys(calls) as JobMethod[];

test.each(methods)("requests and answers of %s arrive whole", (method) => {
  expect(() => checkCall(method)).not.toThrow();
});

function checkCall<Method extends JobMethod>(method: Method): void {
  const { request, response } = calls[method];
  const checked = fc.property(request, response, (asked, answered) => {
    const sent = decodeCallRequest(method, encodeCallRequest(method, asked));
    expect(plain(sent)).toEqual(plain(asked));
    const got = decodeCallResponse(method, encodeCallResponse(method, answered));
    expect(plain(got)).toEqual(plain(answered));
  });
  fc.assert(checked, { numRuns: 60 });
}

/** A Buffer equals the bytes it holds. */
function plain(value: object): object {
  return Object.fromEntries(
    Object.entries(value).map(([name, field]: [string, unknown]) => [
      name,
      field instanceof Uint8Array ? [...field] : field,
    ]),
  );
}

test("bytes from anywhere are refused with a code, or are a message", () => {
  const decoders = [
    decodeWorkerMessage,
    decodeCoordinatorMessage,
    ...methods.map((method) => (bytes: Uint8Array) => decodeCallRequest(method, bytes)),
    ...methods.map((method) => (bytes: Uint8Array) => decodeCallResponse(method, bytes)),
  ];
  const mutated = fc.tuple(workerMessage, fc.nat(), fc.nat(255)).map(([message, at, byte]) => {
    const bytes = Uint8Array.from(encodeWorkerMessage(message));
    if (bytes.length > 0) bytes[at % bytes.length] = byte;
    return bytes;
  });
  const isCleanlyJudged = (decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): boolean => {
    try {
      decode(bytes);
      return true;
    } catch (caught) {
      return StreamError.is(caught, "invalid-argument", "decode-failed");
    }
  };
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 60 })), (bytes) => {
      expect(decoders.filter((decode) => !isCleanlyJudged(decode, bytes))).toEqual([]);
    }),
    { numRuns: 300 },
  );
});
