/**
 * What jobs that stand idle beside each other cost each: the same, however many there are. A worker serves one
 * job at a time, so each has a process of its own; all run from the beginning.
 */
import { setTimeout as delay } from "node:timers/promises";

import { BenchCluster } from "../process/bench-cluster.ts";
import type { BenchmarkContext, BenchmarkResult } from "../report/benchmark.ts";
import { medianOf } from "../report/statistics.ts";
import { submitAccounts } from "./accounts.ts";
import { ClusterWatch } from "./cluster-watch.ts";
import { tellGrowth, type Quantity, type Stage } from "./growth-figures.ts";
import { readJobTimes } from "./job-times.ts";

const checkpointMs = 1_000;
/** What starts is still being compiled. */
const warmUpMs = 20_000;
const idleMs = 30_000;

interface IdleJobs {
  /** Milliseconds of the coordinator's CPU a second, for each of them, without what it takes with none. */
  readonly cpuPerJob: number;
  readonly checkpointMs: number;
  /** Of the last one to come. */
  readonly startMs: number;
}

const quantities: readonly Quantity<IdleJobs>[] = [
  { what: "coordinator's CPU for each", unit: "ms/s", read: (one) => one.cpuPerJob, atMost: 1.2 },
  // Not judged: more processes than processors wait for each other.
  { what: "checkpoint, median", unit: "ms", read: (one) => one.checkpointMs },
  { what: "submission of the last one to running", unit: "ms", read: (one) => one.startMs },
];

/** Takes two minutes: once. */
export async function measureIdleJobs({
  isQuick,
  note,
}: BenchmarkContext): Promise<BenchmarkResult> {
  const counts = isQuick ? [1, 2] : [1, 10];
  const most = counts.at(-1) ?? 1;
  await using cluster = await BenchCluster.start(most);
  await using watch = await ClusterWatch.start(cluster);
  await delay(warmUpMs);
  const base = await watch.during(idleMs);
  const stages: Stage<IdleJobs>[] = [];
  const jobIds: string[] = [];
  for (const count of counts) {
    while (jobIds.length < count) jobIds.push(await submitIdleJob(cluster));
    await delay(warmUpMs);
    const measured = await measureIdle(cluster, watch, { jobIds, baseCpu: base.coordinatorCpu });
    note(`${count} idle jobs: ${measured.cpuPerJob.toFixed(2)} ms/s of coordinator's CPU for each`);
    stages.push({ name: count === 1 ? "1 job" : `${count} jobs`, measured });
  }
  return tellGrowth("jobs beside", stages, quantities);
}

async function submitIdleJob(cluster: BenchCluster): Promise<string> {
  const what = { accounts: 100, changing: 0, parallelism: 1, checkpointMs };
  const jobId = await submitAccounts(cluster, what);
  await cluster.until(`job ${jobId} to run`, () => {
    const states = cluster.entries("job running");
    return states.some(({ fields }) => fields["jobId"] === jobId) ? true : undefined;
  });
  return jobId;
}

async function measureIdle(
  cluster: BenchCluster,
  watch: ClusterWatch,
  { jobIds, baseCpu }: { readonly jobIds: readonly string[]; readonly baseCpu: number },
): Promise<IdleJobs> {
  const fromMs = Date.now();
  const use = await watch.during(idleMs);
  const toMs = Date.now();
  const checkpoints = jobIds
    .flatMap((jobId) => cluster.checkpoints(jobId))
    .filter(({ atMs }) => atMs >= fromMs && atMs <= toMs);
  const { submittedAtMs, runningAtMs } = readJobTimes(cluster, jobIds.at(-1) ?? "");
  return {
    cpuPerJob: (use.coordinatorCpu - baseCpu) / jobIds.length,
    checkpointMs: medianOf(checkpoints.map(({ durationMs }) => durationMs)),
    startMs: runningAtMs - submittedAtMs,
  };
}
