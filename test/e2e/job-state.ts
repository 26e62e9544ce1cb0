import { setTimeout as wait } from "node:timers/promises";

import type { RealCluster } from "./real-cluster.ts";

/** What tests read of `millrace describe`. */
export interface DescribedJob {
  readonly state: string;
  readonly attempt: number;
  readonly detail?: string;
  readonly head?: { readonly checkpointId: string };
  readonly failure?: { readonly code: string; readonly message: string };
  readonly recoveries: readonly { readonly cause: string }[];
}

/** Returns the id of the job that the cluster has taken. */
export async function submitJob(
  cluster: RealCluster,
  module: string,
  ...args: readonly string[]
): Promise<string> {
  const answer = await cluster.command("run", module, "--detach", ...args);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a missing id fails the next command
  return (answer as { jobId: string }).jobId;
}

export async function describeJob(cluster: RealCluster, jobId: string): Promise<DescribedJob> {
  const answer = await cluster.command("describe", jobId);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the expectations check what they read
  return answer as DescribedJob;
}

/** Returns the job as soon as it is as wanted; the test's own timeout ends the wait. */
export async function waitForJob(
  cluster: RealCluster,
  jobId: string,
  isWanted: (job: DescribedJob) => boolean,
): Promise<DescribedJob> {
  for (;;) {
    const job = await describeJob(cluster, jobId);
    if (isWanted(job)) return job;
    await wait(250);
  }
}
