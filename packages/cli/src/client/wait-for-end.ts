import { setTimeout as sleep } from "node:timers/promises";

import { StreamError, type JobId } from "@millrace/core";
import type { JobDescription, JobState } from "@millrace/rpc";

import type { JobClient } from "./job-client.ts";

const pollMs = 200;

/** Whether a job in the state stays in it for ever. */
export function isTerminal(state: JobState): boolean {
  return state === "finished" || state === "stopped" || state === "failed" || state === "cancelled";
}

/** Returns the job when it has ended; a coordinator that is away meanwhile is waited for. */
export async function waitForEnd(client: JobClient, jobId: JobId): Promise<JobDescription> {
  for (;;) {
    const job = await describeIfReachable(client, jobId);
    if (job !== undefined && isTerminal(job.state)) return job;
    await sleep(pollMs);
  }
}

/** Returns the job, or undefined while no coordinator answers. */
export async function describeIfReachable(
  client: JobClient,
  jobId: JobId,
): Promise<JobDescription | undefined> {
  try {
    return await client.call("DescribeJob", { jobId }, 2_000);
  } catch (error) {
    if (StreamError.is(error, "coordinator-unreachable", "deadline-exceeded")) return undefined;
    throw error;
  }
}
