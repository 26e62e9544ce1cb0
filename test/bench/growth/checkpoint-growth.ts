/** What 1,000 checkpoints of one job leave behind: the last hundred of them beside the first. */
import { BenchCluster } from "../process/bench-cluster.ts";
import type { BenchmarkContext, BenchmarkResult } from "../report/benchmark.ts";
import { submitAccounts, untilCheckpoints } from "./accounts.ts";
import { ClusterWatch } from "./cluster-watch.ts";
import { tellGrowth, type Quantity } from "./growth-figures.ts";
import { measureStretch, type Stretch } from "./stretch.ts";

const parallelism = 2;
const interval = { checkpointMs: 100, gcPeriodMs: 2_000 } as const;
const accounts = 100_000;
/** Between any two checkpoints. */
const changing = 10_000;

/** A fifth is noise. */
const atMost = 1.2;
const quantities: readonly Quantity<Stretch>[] = [
  {
    what: "CPU of the workers",
    unit: "us/record",
    read: (one) => (one.workerCpuMs * 1_000) / changing,
    atMost,
  },
  {
    what: "CPU of the coordinator",
    unit: "ms/checkpoint",
    read: (one) => one.coordinatorCpuMs,
    atMost,
  },
  { what: "duration, median", unit: "ms", read: (one) => one.durationMs, atMost },
  { what: "upload", unit: "bytes", read: (one) => one.newBytes, atMost },
  // How many of them the next collection finds is chance.
  { what: "objects", unit: "objects", read: ({ use }) => use.objectCount, atMost: 1.5 },
  { what: "manifest", unit: "bytes", read: ({ use }) => use.manifestBytes, atMost },
  { what: "metadata", unit: "bytes", read: ({ use }) => use.metadataBytes, atMost },
  {
    what: "memory of the coordinator",
    unit: "MB",
    read: ({ use }) => use.coordinatorBytes / 1e6,
    atMost,
  },
  { what: "memory of the workers", unit: "MB", read: ({ use }) => use.workerBytes / 1e6, atMost },
];

/** Takes two minutes: once, since each figure is of hundreds of checkpoints. */
export async function measureCheckpointGrowth({
  isQuick,
  note,
}: BenchmarkContext): Promise<BenchmarkResult> {
  // What starts is still being compiled.
  const warmUp = isQuick ? 20 : 100;
  const length = isQuick ? 20 : 100;
  const count = isQuick ? 60 : 1_000;
  await using cluster = await BenchCluster.start(parallelism, interval);
  await using watch = await ClusterWatch.start(cluster);
  const { checkpointMs } = interval;
  const jobId = await submitAccounts(cluster, { accounts, changing, parallelism, checkpointMs });
  let told = 0;
  const taken = await untilCheckpoints(cluster, jobId, ({ length: taken }) => {
    if (taken >= told + 100) note(`${(told = taken)} checkpoints`);
    return taken > warmUp + count;
  });
  const measured = taken.slice(warmUp, warmUp + count + 1);
  const stages = [
    { name: `first ${length}`, measured: measureStretch(watch, measured.slice(0, length + 1)) },
    { name: `last ${length}`, measured: measureStretch(watch, measured.slice(-length - 1)) },
  ];
  return tellGrowth(`${count.toLocaleString("en-US")} checkpoints`, stages, quantities);
}
