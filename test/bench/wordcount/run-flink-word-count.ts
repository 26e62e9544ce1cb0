import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";

import type { FlinkCluster } from "../flink/flink-cluster.ts";
import type { Progress } from "../job/measure-progress.ts";
import { CpuWatch } from "../process/cpu-time.ts";
import { measureWords, type WordCountCase } from "./measure-words.ts";

export type FlinkBackend = "hashmap" | "rocksdb";

export interface FlinkWordCount extends Progress {
  /** Median of all checkpoints of the job; absent without checkpoints. */
  readonly checkpointMs?: number;
}

/** What makes Flink warm. */
export const warmUpWords = 50_000_000;

/** Lets the JVMs compile: returns after so many words at parallelism 2. */
export async function warmUpFlink(
  cluster: FlinkCluster,
  words: number = warmUpWords,
): Promise<void> {
  const samples = await mkdtemp(join(cluster.folder, "warm-up-"));
  await cluster.run({ job: "wordcount", p: 2, vocab: 100_000, n: words, samples });
}

/** Counts uniform words on a cluster that runs already; throws where a total is wrong. */
export async function runFlinkWordCount(
  cluster: FlinkCluster,
  run: WordCountCase,
  backend: FlinkBackend,
): Promise<FlinkWordCount> {
  if (run.distribution !== "uniform") throw new Error("Flink's generator has uniform words only");
  const samples = await mkdtemp(join(cluster.folder, "samples-"));
  await using watch = new CpuWatch(cluster.taskManagerProcessIds());
  const result = await cluster.run({
    job: "wordcount",
    p: run.parallelism,
    vocab: run.vocabulary,
    n: run.words,
    ckpt: run.checkpointMs,
    backend,
    samples,
  });
  const measured = await measureWords(samples, run, watch);
  const { ckpt_p50_ms: checkpointMs } = result;
  return typeof checkpointMs === "number" ? { ...measured, checkpointMs } : measured;
}
