/** What a checkpoint costs in which nothing has changed, by the number of keys. */
import { BenchCluster, type CompletedCheckpoint } from "../process/bench-cluster.ts";
import type { BenchmarkContext, BenchmarkResult } from "../report/benchmark.ts";
import { submitAccounts, untilCheckpoints } from "./accounts.ts";
import { ClusterWatch } from "./cluster-watch.ts";
import { tellGrowth, type Quantity, type Stage } from "./growth-figures.ts";
import { measureStretch, type Stretch } from "./stretch.ts";

const parallelism = 2;
const checkpointMs = 100;
const measuredCount = 100;
/** Of a checkpoint that holds no key: names and positions. Behind the load some rewrite what it left. */
const emptyBytes = 4_096;
const settledCount = 10;

const atMost = 1.5;
const quantities: readonly Quantity<Stretch>[] = [
  { what: "duration, median", unit: "ms", read: (one) => one.durationMs, atMost },
  { what: "upload", unit: "bytes", read: (one) => one.newBytes, atMost },
  // It names a base for each key group that has keys: as many as there are groups.
  { what: "manifest", unit: "bytes", read: ({ use }) => use.manifestBytes },
  {
    what: "CPU of the coordinator",
    unit: "ms/checkpoint",
    read: (one) => one.coordinatorCpuMs,
    atMost,
  },
  {
    what: "CPU of the workers, a source that waits included",
    unit: "ms/checkpoint",
    read: (one) => one.workerCpuMs,
    atMost,
  },
];

export async function measureKeyGrowth({
  isQuick,
  note,
}: BenchmarkContext): Promise<BenchmarkResult> {
  const counts = isQuick ? [1_000, 10_000] : [10_000, 100_000, 1_000_000];
  const stages: Stage<Stretch>[] = [];
  for (const keyCount of counts) {
    const measured = await measureEmpty(keyCount);
    const name = `${keyCount.toLocaleString("en-US")} keys`;
    note(`${name}, nothing changes: ${measured.durationMs} ms`);
    stages.push({ name, measured });
  }
  return tellGrowth("nothing changes", stages, quantities);
}

async function measureEmpty(keyCount: number): Promise<Stretch> {
  await using cluster = await BenchCluster.start(parallelism, { gcPeriodMs: 2_000 });
  await using watch = await ClusterWatch.start(cluster);
  const what = { accounts: keyCount, changing: 0, parallelism, checkpointMs };
  const jobId = await submitAccounts(cluster, what);
  const taken = await untilCheckpoints(cluster, jobId, (checkpoints) => {
    const from = firstEmpty(checkpoints);
    return from !== -1 && checkpoints.length > from + measuredCount;
  });
  return measureStretch(watch, taken.slice(firstEmpty(taken)).slice(0, measuredCount + 1));
}

/** Returns the index behind some empty checkpoints in a row, of which the load is far; -1 before. */
function firstEmpty(checkpoints: readonly CompletedCheckpoint[]): number {
  const loaded = checkpoints.findIndex(({ newBytes }) => newBytes > emptyBytes);
  if (loaded === -1) return -1;
  const last = checkpoints.findLastIndex(({ newBytes }) => newBytes > emptyBytes);
  const first = last + 1 + settledCount;
  return checkpoints.length > first ? first : -1;
}
