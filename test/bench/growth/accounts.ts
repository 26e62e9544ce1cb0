import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import type { BenchCluster, CompletedCheckpoint } from "../process/bench-cluster.ts";

const module = fileURLToPath(new URL("../incremental/changing-accounts.ts", import.meta.url));
const pollMs = 500;
/** Without a checkpoint for so long, none will come. */
const patienceMs = 120_000;

export interface Accounts {
  readonly accounts: number;
  /** Between any two checkpoints. */
  readonly changing: number;
  readonly parallelism: number;
  readonly checkpointMs: number;
}

/** Starts a job that totals payments to accounts and never ends; returns its id. */
export function submitAccounts(cluster: BenchCluster, options: Accounts): Promise<string> {
  const { parallelism, ...counts } = options;
  const params = { ...counts, splits: parallelism, out: cluster.path("out") };
  return cluster.submit({ module, parallelism, params });
}

/**
 * Returns the job's checkpoints once they are as wanted. Throws when none comes for two minutes, or when
 * an attempt failed: what is measured then is something else.
 */
export async function untilCheckpoints(
  cluster: BenchCluster,
  jobId: string,
  isEnough: (checkpoints: readonly CompletedCheckpoint[]) => boolean,
): Promise<readonly CompletedCheckpoint[]> {
  const startedAtMs = Date.now();
  for (;;) {
    const [failure] = cluster.entries(/^attempt \d+ failed|; the job goes on/);
    if (failure !== undefined) throw new Error(failure.message);
    const checkpoints = cluster.checkpoints(jobId);
    if (isEnough(checkpoints)) return checkpoints;
    const lastAtMs = checkpoints.at(-1)?.atMs ?? startedAtMs;
    if (Date.now() - lastAtMs > patienceMs) {
      throw new Error(`no checkpoint came for ${patienceMs} ms; before, ${checkpoints.length} did`);
    }
    await delay(pollMs);
  }
}
