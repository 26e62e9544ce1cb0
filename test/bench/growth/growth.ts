/** `pnpm bench growth`: what checkpoints taken, jobs and keys add to what comes behind them. */
import type { Benchmark, BenchmarkContext, BenchmarkResult } from "../report/benchmark.ts";
import { measureCheckpointGrowth } from "./checkpoint-growth.ts";
import { measureGoneJobs } from "./gone-jobs.ts";
import { measureIdleJobs } from "./idle-jobs.ts";
import { measureKeyGrowth } from "./key-growth.ts";

export const growth: Benchmark = {
  name: "growth",
  summary: "what 1,000 checkpoints, 50 jobs, and 1,000,000 keys add to the next checkpoint and job",
  run: runBenchmark,
};

interface Part {
  readonly name: string;
  readonly measure: (context: BenchmarkContext) => Promise<BenchmarkResult>;
}

/** By the name that `--only` chooses. */
const parts: readonly Part[] = [
  { name: "checkpoints", measure: measureCheckpointGrowth },
  { name: "jobs gone", measure: measureGoneJobs },
  { name: "jobs beside", measure: measureIdleJobs },
  { name: "keys", measure: measureKeyGrowth },
];

async function runBenchmark(context: BenchmarkContext): Promise<BenchmarkResult> {
  const results: BenchmarkResult[] = [];
  for (const { name, measure } of parts) {
    if (name.includes(context.only)) results.push(await measure(context));
  }
  return {
    figures: results.flatMap(({ figures }) => figures),
    goals: results.flatMap(({ goals }) => goals),
  };
}
