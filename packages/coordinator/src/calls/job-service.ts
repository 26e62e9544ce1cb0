import type { CommittedCheckpoint } from "@millrace/checkpoint";
import { assertNever, StreamError, type Clock, type JobId, type LeaderEpoch } from "@millrace/core";
import {
  decodeCallRequest,
  encodeCallResponse,
  isJobMethod,
  type ClusterDescription,
  type JobCalls,
  type JobMethod,
  type SubmitJobRequest,
} from "@millrace/rpc";

import type { JobRunner } from "../job/job-runner.ts";
import type { VerifyCall } from "../verify/verify-one-at-a-time.ts";
import { describeJob, summarizeCheckpoints, summarizeJob } from "./describe.ts";

/** What the calls need of the coordinator. */
export interface JobServiceOptions {
  readonly clock: Clock;
  readonly clusterId: string;
  readonly leaderEpoch: LeaderEpoch;
  readonly version: string;
  /** In the order of submission. */
  readonly runners: ReadonlyMap<JobId, JobRunner>;
  readonly submit: (request: SubmitJobRequest) => Promise<JobId>;
  readonly describeWorkers: () => ClusterDescription["workers"];
  /** Absent: this coordinator cannot read checkpoints. */
  readonly verify?: VerifyCall;
}

/** A client that wants to wait longer asks again. */
const maxWaitMs = 30_000;

/** Returns the answer's bytes; throws what the CLI prints. */
export async function answerCall(
  options: JobServiceOptions,
  method: string,
  message: Uint8Array,
): Promise<Uint8Array> {
  if (!isJobMethod(method)) {
    throw usage("not-found", `there is no call ${JSON.stringify(method)}; update the command`);
  }
  return answer(options, method, message);
}

async function answer(
  options: JobServiceOptions,
  method: JobMethod,
  bytes: Uint8Array,
): Promise<Uint8Array> {
  switch (method) {
    case "SubmitJob": {
      const jobId = await options.submit(decodeCallRequest(method, bytes));
      return encodeCallResponse(method, { jobId });
    }
    case "ListJobs":
      return encodeCallResponse(method, { jobs: [...options.runners.values()].map(summarizeJob) });
    case "DescribeJob": {
      const { jobId } = decodeCallRequest(method, bytes);
      return encodeCallResponse(method, describeJob(find(options, jobId)));
    }
    case "CancelJob": {
      const { jobId } = decodeCallRequest(method, bytes);
      await cancel(find(options, jobId));
      return encodeCallResponse(method, {});
    }
    case "StopJob": {
      const { jobId, isDrain } = decodeCallRequest(method, bytes);
      await stop(find(options, jobId), isDrain);
      return encodeCallResponse(method, {});
    }
    case "ListCheckpoints": {
      const { jobId } = decodeCallRequest(method, bytes);
      const checkpoints = summarizeCheckpoints(find(options, jobId));
      return encodeCallResponse(method, { checkpoints });
    }
    case "VerifyCheckpoints":
      return encodeCallResponse(method, await verify(options, decodeCallRequest(method, bytes)));
    case "ReadLogs":
      return encodeCallResponse(method, await readLogs(options, decodeCallRequest(method, bytes)));
    case "DescribeCluster": {
      const { clusterId, leaderEpoch, version, describeWorkers } = options;
      const workers = describeWorkers();
      return encodeCallResponse(method, { clusterId, leaderEpoch, version, workers });
    }
    default:
      return assertNever(method);
  }
}

/** A repeated request is no error, nor is one for a job that has come to the same end. */
async function cancel(runner: JobRunner): Promise<void> {
  if (runner.state() !== "cancelled") await runner.requestGoal("cancel");
}

async function stop(runner: JobRunner, isDrain: boolean): Promise<void> {
  if (runner.state() === "stopped") return;
  const { goal, result } = runner.job.snapshot;
  if (goal === "run" || result !== undefined) await runner.requestGoal(isDrain ? "drain" : "stop");
}

async function verify(
  options: JobServiceOptions,
  request: JobCalls["VerifyCheckpoints"]["request"],
): Promise<JobCalls["VerifyCheckpoints"]["response"]> {
  const { job } = find(options, request.jobId);
  if (options.verify === undefined) {
    throw usage("invalid-argument", "this coordinator cannot read checkpoints; use --metadata");
  }
  const readPointers = (): Promise<readonly CommittedCheckpoint[]> =>
    Promise.resolve(job.snapshot.checkpoints);
  return { checkpoints: await options.verify(request, readPointers) };
}

async function readLogs(
  options: JobServiceOptions,
  request: JobCalls["ReadLogs"]["request"],
): Promise<JobCalls["ReadLogs"]["response"]> {
  const { logs } = find(options, request.jobId);
  const { leaderEpoch } = options;
  const afterSequence = request.leaderEpoch === leaderEpoch ? request.afterSequence : 0;
  const page = logs.read(afterSequence);
  const waitMs = Math.min(request.waitMs, maxWaitMs);
  if (page.lines.length > 0 || !(waitMs > 0)) return { ...page, leaderEpoch };
  await logs.waitForLines(options.clock, waitMs);
  return { ...logs.read(afterSequence), leaderEpoch };
}

function find(options: JobServiceOptions, jobId: JobId): JobRunner {
  const runner = options.runners.get(jobId);
  if (runner !== undefined) return runner;
  throw usage("not-found", `there is no job ${jobId}; \`millrace list\` shows the jobs`);
}

function usage(code: "not-found" | "invalid-argument", message: string): StreamError {
  return new StreamError(code, message, { domain: "user", retry: "never" });
}
