import {
  parseCheckpointId,
  parseJobId,
  parseSubtaskId,
  parseWorkerId,
  type JobId,
} from "@millrace/core";

import * as wire from "../gen/millrace/v1/job.ts";
import type {
  CheckpointSummary,
  JobCalls,
  JobDescription,
  JobMethod,
  JobSummary,
  RecoverySummary,
  RestoreFrom,
} from "../job-calls.ts";
import {
  fromFailure,
  fromLogLine,
  fromMetrics,
  parseJson,
  required,
  toFailure,
  toLogLine,
  toMetrics,
} from "./common.ts";
import { checkpointKinds, invalidMessage, jobStateNumbers } from "./enums.ts";
import { verifyCheckpointsCodec } from "./verify-checkpoints.ts";

interface CallCodec<Method extends JobMethod> {
  encodeRequest(request: JobCalls[Method]["request"]): Uint8Array;
  decodeRequest(bytes: Uint8Array): JobCalls[Method]["request"];
  encodeResponse(response: JobCalls[Method]["response"]): Uint8Array;
  decodeResponse(bytes: Uint8Array): JobCalls[Method]["response"];
}

const empty = (): Record<string, never> => ({});
const none = (): Uint8Array => new Uint8Array(0);

const codecs: { readonly [Method in JobMethod]: CallCodec<Method> } = {
  SubmitJob: {
    encodeRequest: ({ params, environment, bundle, restoreFrom, ...same }) =>
      wire.SubmitJobRequest.encode({
        ...same,
        bundle: Buffer.from(bundle),
        paramsJson: JSON.stringify(params),
        environment: { ...environment },
        restoreFrom: restoreFrom === undefined ? undefined : { ...restoreFrom },
      }).finish(),
    decodeRequest(bytes) {
      const request = wire.SubmitJobRequest.decode(bytes);
      const { paramsJson, parallelism, restoreFrom, ...same } = request;
      return {
        ...same,
        params: parseJson(paramsJson, "params_json"),
        ...(parallelism === undefined ? {} : { parallelism }),
        ...(restoreFrom === undefined ? {} : { restoreFrom: fromRestoreFrom(restoreFrom) }),
      };
    },
    encodeResponse: ({ jobId }) => wire.SubmitJobResponse.encode({ jobId }).finish(),
    decodeResponse: (bytes) => ({ jobId: parseJobId(wire.SubmitJobResponse.decode(bytes).jobId) }),
  },
  ListJobs: {
    encodeRequest: none,
    decodeRequest: empty,
    encodeResponse: ({ jobs }) =>
      wire.ListJobsResponse.encode({ jobs: jobs.map(toSummary) }).finish(),
    decodeResponse: (bytes) => ({
      jobs: wire.ListJobsResponse.decode(bytes).jobs.map(fromSummary),
    }),
  },
  DescribeJob: {
    encodeRequest: encodeJobId,
    decodeRequest: decodeJobId,
    encodeResponse: (description) =>
      wire.DescribeJobResponse.encode(toDescription(description)).finish(),
    decodeResponse: (bytes) => fromDescription(wire.DescribeJobResponse.decode(bytes)),
  },
  CancelJob: {
    encodeRequest: encodeJobId,
    decodeRequest: decodeJobId,
    encodeResponse: none,
    decodeResponse: empty,
  },
  StopJob: {
    encodeRequest: (request) => wire.StopJobRequest.encode({ ...request }).finish(),
    decodeRequest(bytes) {
      const { jobId, isDrain } = wire.StopJobRequest.decode(bytes);
      return { jobId: parseJobId(jobId), isDrain };
    },
    encodeResponse: none,
    decodeResponse: empty,
  },
  ListCheckpoints: {
    encodeRequest: encodeJobId,
    decodeRequest: decodeJobId,
    encodeResponse: ({ checkpoints }) =>
      wire.ListCheckpointsResponse.encode({ checkpoints: checkpoints.map(toCheckpoint) }).finish(),
    decodeResponse: (bytes) => ({
      checkpoints: wire.ListCheckpointsResponse.decode(bytes).checkpoints.map(fromCheckpoint),
    }),
  },
  VerifyCheckpoints: verifyCheckpointsCodec,
  ReadLogs: {
    encodeRequest: ({ afterSequence, ...same }) =>
      wire.ReadLogsRequest.encode({ ...same, afterSequence: BigInt(afterSequence) }).finish(),
    decodeRequest(bytes) {
      const { jobId, afterSequence, ...same } = wire.ReadLogsRequest.decode(bytes);
      return { ...same, jobId: parseJobId(jobId), afterSequence: Number(afterSequence) };
    },
    encodeResponse: ({ lines, lastSequence, leaderEpoch }) =>
      wire.ReadLogsResponse.encode({
        lines: lines.map(toLogLine),
        lastSequence: BigInt(lastSequence),
        leaderEpoch,
      }).finish(),
    decodeResponse(bytes) {
      const { lines, lastSequence, leaderEpoch } = wire.ReadLogsResponse.decode(bytes);
      return { lines: lines.map(fromLogLine), lastSequence: Number(lastSequence), leaderEpoch };
    },
  },
  DescribeCluster: {
    encodeRequest: none,
    decodeRequest: empty,
    encodeResponse: ({ workers, ...same }) =>
      wire.DescribeClusterResponse.encode({
        ...same,
        workers: workers.map((worker) => ({ ...worker })),
      }).finish(),
    decodeResponse(bytes) {
      const { workers, ...same } = wire.DescribeClusterResponse.decode(bytes);
      return {
        ...same,
        workers: workers.map((worker) => ({
          ...worker,
          workerId: parseWorkerId(worker.workerId),
        })),
      };
    },
  },
};

/** Returns whether the text names a call of the job service. */
export function isJobMethod(text: string): text is JobMethod {
  return Object.hasOwn(codecs, text);
}

/** Returns the request as it goes over the wire. */
export function encodeCallRequest<Method extends JobMethod>(
  method: Method,
  request: JobCalls[Method]["request"],
): Uint8Array {
  return codecs[method].encodeRequest(request);
}

/** Returns the request; throws `invalid-argument` if the bytes hold none. */
export function decodeCallRequest<Method extends JobMethod>(
  method: Method,
  bytes: Uint8Array,
): JobCalls[Method]["request"] {
  return reading(method, () => codecs[method].decodeRequest(bytes));
}

/** Returns the response as it goes over the wire. */
export function encodeCallResponse<Method extends JobMethod>(
  method: Method,
  response: JobCalls[Method]["response"],
): Uint8Array {
  return codecs[method].encodeResponse(response);
}

/** Returns the response; throws `invalid-argument` if the bytes hold none. */
export function decodeCallResponse<Method extends JobMethod>(
  method: Method,
  bytes: Uint8Array,
): JobCalls[Method]["response"] {
  return reading(method, () => codecs[method].decodeResponse(bytes));
}

function reading<Result>(method: string, read: () => Result): Result {
  try {
    return read();
  } catch (cause) {
    throw invalidMessage(`a message of ${method} cannot be read: ${String(cause)}`);
  }
}

function fromRestoreFrom(value: wire.RestoreFrom): RestoreFrom {
  const { jobId, checkpointId, allowDroppedState } = value;
  return {
    jobId: parseJobId(jobId),
    ...(checkpointId === undefined ? {} : { checkpointId: parseCheckpointId(checkpointId) }),
    allowDroppedState,
  };
}

function encodeJobId({ jobId }: { readonly jobId: JobId }): Uint8Array {
  return wire.DescribeJobRequest.encode({ jobId }).finish();
}

function decodeJobId(bytes: Uint8Array): { readonly jobId: JobId } {
  return { jobId: parseJobId(wire.DescribeJobRequest.decode(bytes).jobId) };
}

function toSummary(summary: JobSummary): wire.JobSummary {
  const { jobId, jobName, attempt, submittedAtMs, endedAtMs } = summary;
  const state = jobStateNumbers.toWire(summary.state);
  return { jobId, jobName, state, attempt, submittedAtMs, endedAtMs };
}

function fromSummary({ jobId, state, endedAtMs, ...same }: wire.JobSummary): JobSummary {
  return {
    ...same,
    jobId: parseJobId(jobId),
    state: jobStateNumbers.fromWire(state),
    ...(endedAtMs === undefined ? {} : { endedAtMs }),
  };
}

function toDescription(description: JobDescription): wire.DescribeJobResponse {
  const { planJson, parallelism, detail, head, failure, recoveries, subtasks } = description;
  return {
    summary: toSummary(description),
    planJson,
    parallelism,
    detail,
    head: head === undefined ? undefined : toCheckpoint(head),
    checkpointsCompleted: BigInt(description.checkpointsCompleted),
    checkpointsFailed: BigInt(description.checkpointsFailed),
    subtasks: subtasks.map(({ metrics, ...same }) => ({
      ...same,
      metrics: metrics === undefined ? undefined : toMetrics(metrics),
    })),
    failure: failure === undefined ? undefined : toFailure(failure),
    recoveries: recoveries.map((recovery) => ({
      ...recovery,
      restoredBytes: BigInt(recovery.restoredBytes),
    })),
  };
}

function fromDescription(value: wire.DescribeJobResponse): JobDescription {
  const { planJson, parallelism, detail, head, failure } = value;
  return {
    ...fromSummary(required(value.summary, "summary")),
    planJson,
    parallelism,
    detail,
    ...(head === undefined ? {} : { head: fromCheckpoint(head) }),
    checkpointsCompleted: Number(value.checkpointsCompleted),
    checkpointsFailed: Number(value.checkpointsFailed),
    subtasks: value.subtasks.map(fromSubtask),
    ...(failure === undefined ? {} : { failure: fromFailure(failure) }),
    recoveries: value.recoveries.map(fromRecovery),
  };
}

function fromSubtask(value: wire.SubtaskDescription): JobDescription["subtasks"][number] {
  const { slotIndex, metrics } = value;
  return {
    subtaskId: parseSubtaskId(value.subtaskId).subtaskId,
    workerId: parseWorkerId(value.workerId),
    slotIndex,
    ...(metrics === undefined ? {} : { metrics: fromMetrics(metrics) }),
  };
}

function fromRecovery(value: wire.RecoverySummary): RecoverySummary {
  const { checkpointId, restoredBytes, ...same } = value;
  return {
    ...same,
    restoredBytes: Number(restoredBytes),
    ...(checkpointId === undefined ? {} : { checkpointId: parseCheckpointId(checkpointId) }),
  };
}

function toCheckpoint({ parentId, ...summary }: CheckpointSummary): wire.CheckpointSummary {
  return {
    ...summary,
    parentId,
    kind: checkpointKinds.toWire(summary.kind),
    newBytes: BigInt(summary.newBytes),
    totalBytes: BigInt(summary.totalBytes),
  };
}

function fromCheckpoint({ parentId, ...value }: wire.CheckpointSummary): CheckpointSummary {
  return {
    ...value,
    ...(parentId === undefined ? {} : { parentId: parseCheckpointId(parentId) }),
    checkpointId: parseCheckpointId(value.checkpointId),
    kind: checkpointKinds.fromWire(value.kind),
    newBytes: Number(value.newBytes),
    totalBytes: Number(value.totalBytes),
  };
}
