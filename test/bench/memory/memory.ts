/** `pnpm bench memory`: resident memory of a coordinator and two workers, idle and after a word count. */
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { FlinkCluster } from "../flink/flink-cluster.ts";
import { BenchCluster } from "../process/bench-cluster.ts";
import { findChildren } from "../process/children.ts";
import { readMemory, type Memory } from "../process/memory.ts";
import type { Benchmark, BenchmarkContext, BenchmarkResult, Figure } from "../report/benchmark.ts";
import { medianOf } from "../report/statistics.ts";
import { submitWordCount } from "../wordcount/run-word-count.ts";

export const memory: Benchmark = {
  name: "memory",
  summary: "resident memory of a coordinator and 2 workers: idle, and with 1,000,000 keys counted",
  run: runBenchmark,
};

const workers = 2;
const vocabulary = 1_000_000;
/** What is idle has collected the garbage of its start, or has not: as it is after five seconds. */
const settleMs = 5_000;
const finishMs = 600_000;
const megabyte = 1e6;

async function runBenchmark(context: BenchmarkContext): Promise<BenchmarkResult> {
  const words = context.isQuick ? 3_000_000 : 20_000_000;
  const idle: Memory[] = [];
  const counted: Memory[] = [];
  for (let run = 1; run <= context.runs; run += 1) {
    await using cluster = await BenchCluster.start(workers);
    await delay(settleMs);
    idle.push(await readMemory(await findChildren()));
    const jobId = await submitWordCount(cluster, {
      vocabulary,
      distribution: "uniform",
      parallelism: workers,
      checkpointMs: 1_000,
      words,
    });
    await cluster.untilFinished(jobId, finishMs);
    counted.push(await readMemory(await findChildren()));
    context.note(`run ${run}: idle ${describe(idle)}, counted ${describe(counted)}`);
  }
  const peak = { what: `most while ${words / 1e6} M words were counted`, unit: "MB" };
  const figures: Figure[] = [
    { what: "idle", unit: "MB", values: idle.map(resident) },
    {
      what: "right after word count at 1,000,000 keys",
      unit: "MB",
      values: counted.map(resident),
    },
    { ...peak, values: counted.map(({ peakBytes }) => peakBytes / megabyte) },
  ];
  if (context.isAgainstFlink) figures.push(...(await measureFlink(words)));
  return {
    figures,
    goals: [
      { what: "idle", unit: "MB", measured: medianOf(idle.map(resident)), atMost: 400 },
      {
        what: "word count at 1,000,000 keys, the most",
        unit: "MB",
        measured: medianOf(counted.map(({ peakBytes }) => peakBytes / megabyte)),
        atMost: 1_200,
      },
    ],
  };
}

async function measureFlink(words: number): Promise<readonly Figure[]> {
  await using cluster = await FlinkCluster.start({ taskManagers: workers });
  await delay(settleMs);
  const idle = await readMemory(cluster.processIds());
  const samples = await mkdtemp(join(cluster.folder, "samples-"));
  const job = { job: "wordcount", p: workers, vocab: vocabulary, n: words, ckpt: 1_000 };
  await cluster.run({ ...job, samples });
  const counted = await readMemory(cluster.processIds());
  return [
    { what: "Flink: idle", unit: "MB", values: [resident(idle)] },
    { what: "Flink: right after the word count", unit: "MB", values: [resident(counted)] },
  ];
}

function resident({ residentBytes }: Memory): number {
  return residentBytes / megabyte;
}

function describe(all: readonly Memory[]): string {
  return `${Math.round((all.at(-1)?.residentBytes ?? 0) / megabyte)} MB`;
}
