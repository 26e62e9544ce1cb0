/** What 1,000 checkpoints of one job leave behind: the last hundred of them beside the first. */
import { BenchCluster, type CompletedCheckpoint } from "../process/bench-cluster.ts";
import type { BenchmarkContext, BenchmarkResult } from "../report/benchmark.ts";
import { meanOf, medianOf } from "../report/statistics.ts";
import { submitAccounts, untilCheckpoints } from "./accounts.ts";
import { ClusterWatch } from "./cluster-watch.ts";
import { tellGrowth, type Quantity } from "./growth-figures.ts";

const parallelism = 2;
const interval = { checkpointMs: 100, gcPeriodMs: 2_000 } as const;
const accounts = 100_000;
/** Between any two checkpoints. */
const changing = 10_000;

/** What one checkpoint took, the mean of some in a row. */
interface Stretch {
  readonly coordinatorCpuMs: number;
  readonly workerCpuUsPerRecord: number;
  readonly durationMs: number;
  readonly newBytes: number;
  readonly objectCount: number;
  readonly manifestBytes: number;
  readonly metadataBytes: number;
  readonly coordinatorBytes: number;
  readonly workerBytes: number;
}

/** A fifth is noise. */
const atMost = 1.2;
const quantities: readonly Quantity<Stretch>[] = [
  {
    what: "CPU of the workers",
    unit: "us/record",
    read: (one) => one.workerCpuUsPerRecord,
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
  { what: "objects", unit: "objects", read: (one) => one.objectCount, atMost: 1.5 },
  { what: "manifest", unit: "bytes", read: (one) => one.manifestBytes, atMost },
  { what: "metadata", unit: "bytes", read: (one) => one.metadataBytes, atMost },
  {
    what: "memory of the coordinator",
    unit: "MB",
    read: (one) => one.coordinatorBytes / 1e6,
    atMost,
  },
  { what: "memory of the workers", unit: "MB", read: (one) => one.workerBytes / 1e6, atMost },
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

/** The first checkpoint only says when the time of the others begins. */
function measureStretch(watch: ClusterWatch, all: readonly CompletedCheckpoint[]): Stretch {
  const [before, ...some] = all;
  const end = some.at(-1);
  if (before === undefined || end === undefined) throw new Error("there are no checkpoints");
  const use = watch.between(before.atMs, end.atMs);
  const perCheckpoint = (end.atMs - before.atMs) / 1_000 / some.length;
  return {
    coordinatorCpuMs: use.coordinatorCpu * perCheckpoint,
    workerCpuUsPerRecord: (use.workerCpu * perCheckpoint * 1_000) / changing,
    durationMs: medianOf(some.map(({ durationMs }) => durationMs)),
    newBytes: meanOf(some.map(({ newBytes }) => newBytes)),
    objectCount: use.objectCount,
    manifestBytes: use.manifestBytes,
    metadataBytes: use.metadataBytes,
    coordinatorBytes: use.coordinatorBytes,
    workerBytes: use.workerBytes,
  };
}
