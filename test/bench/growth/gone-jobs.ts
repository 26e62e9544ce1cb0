/** What jobs that came and went leave to the next one, and to a coordinator that stands idle. */
import { setTimeout as delay } from "node:timers/promises";

import { BenchCluster } from "../process/bench-cluster.ts";
import type { BenchmarkContext, BenchmarkResult } from "../report/benchmark.ts";
import { medianOf } from "../report/statistics.ts";
import { submitWordCount } from "../wordcount/run-word-count.ts";
import { ClusterWatch, type ClusterUse } from "./cluster-watch.ts";
import { tellGrowth, type Quantity, type Stage } from "./growth-figures.ts";
import { readJobTimes } from "./job-times.ts";
import { readThreadCpuMs } from "./thread-cpu.ts";

const gcPeriodMs = 2_000;
/** An ended job is looked at for garbage five times more. */
const settleMs = 6 * gcPeriodMs;
const idleMs = 20_000;
const finishMs = 60_000;
const atMost = 1.2;

interface GoneJob {
  readonly startMs: number;
  readonly checkpointMs: number;
  /** From before its submission to behind its end. */
  readonly coordinatorCpuMs: number;
}

const ofJobs: readonly Quantity<readonly GoneJob[]>[] = [
  {
    what: "submission to running, median",
    unit: "ms",
    read: (jobs) => medianOf(jobs.map(({ startMs }) => startMs)),
    atMost,
  },
  {
    what: "final checkpoint, median",
    unit: "ms",
    read: (jobs) => medianOf(jobs.map(({ checkpointMs }) => checkpointMs)),
    atMost,
  },
  {
    what: "coordinator's CPU for a job, median",
    unit: "ms",
    read: (jobs) => medianOf(jobs.map(({ coordinatorCpuMs }) => coordinatorCpuMs)),
    atMost,
  },
];

const ofIdle: readonly Quantity<ClusterUse>[] = [
  { what: "CPU of the coordinator", unit: "ms/s", read: (use) => use.coordinatorCpu, atMost },
  { what: "memory of the coordinator", unit: "MB", read: (use) => use.coordinatorBytes / 1e6 },
  { what: "memory of the worker", unit: "MB", read: (use) => use.workerBytes / 1e6 },
  // The last checkpoint and the record of a job stay.
  { what: "objects", unit: "objects", read: (use) => use.objectCount },
  { what: "metadata", unit: "bytes", read: (use) => use.metadataBytes },
];

/** Takes three minutes: once, as each figure is of ten jobs. */
export async function measureGoneJobs({
  isQuick,
  note,
}: BenchmarkContext): Promise<BenchmarkResult> {
  const [few, many] = isQuick ? [2, 6] : [10, 50];
  const idleAfter = isQuick ? [1, 6] : [1, 10, 50];
  await using cluster = await BenchCluster.start(1, { gcPeriodMs });
  await using watch = await ClusterWatch.start(cluster);
  const jobs: GoneJob[] = [];
  const idle: Stage<ClusterUse>[] = [];
  while (jobs.length < many) {
    jobs.push(await runSmallJob(cluster));
    if (!idleAfter.includes(jobs.length)) continue;
    await delay(settleMs);
    const use = await watch.during(idleMs);
    idle.push({ name: `${jobs.length} gone`, measured: use });
    note(`after ${jobs.length} jobs: ${use.coordinatorCpu.toFixed(1)} ms/s of CPU, idle`);
  }
  const ends = [
    { name: `first ${few}`, measured: jobs.slice(0, few) },
    { name: `last ${few}`, measured: jobs.slice(-few) },
  ];
  const parts = [
    tellGrowth(`${many} jobs gone`, ends, ofJobs),
    tellGrowth("jobs gone, idle", idle, ofIdle),
  ];
  return {
    figures: parts.flatMap(({ figures }) => figures),
    goals: parts.flatMap(({ goals }) => goals),
  };
}

async function runSmallJob(cluster: BenchCluster): Promise<GoneJob> {
  const coordinator = await cluster.coordinatorProcessId();
  const cpuMs = await readThreadCpuMs(coordinator);
  const jobId = await submitWordCount(cluster, {
    words: 1_000,
    vocabulary: 100,
    distribution: "uniform",
    parallelism: 1,
    checkpointMs: 0,
  });
  await cluster.untilFinished(jobId, finishMs);
  const { submittedAtMs, runningAtMs } = readJobTimes(cluster, jobId);
  const last = cluster.checkpoints(jobId).at(-1);
  if (last === undefined) throw new Error(`job ${jobId} has finished without a checkpoint`);
  return {
    startMs: runningAtMs - submittedAtMs,
    checkpointMs: last.durationMs,
    coordinatorCpuMs: (await readThreadCpuMs(coordinator)) - cpuMs,
  };
}
