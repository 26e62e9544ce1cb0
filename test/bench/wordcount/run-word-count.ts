import { fileURLToPath } from "node:url";

import { readSamples } from "../job/read-samples.ts";
import { BenchCluster, type CompletedCheckpoint } from "../process/bench-cluster.ts";
import { CpuWatch } from "../process/cpu-time.ts";
import { measureWords, type MeasuredWords, type WordCountCase } from "./measure-words.ts";

export interface WordCountRun extends MeasuredWords {
  /** Records that reached the sinks, for each word: fewer than 1 where words were combined. */
  readonly resultsPerWord: number;
  /** Of the warm window. */
  readonly checkpoints: readonly CompletedCheckpoint[];
}

const module = fileURLToPath(new URL("./word-count-job.ts", import.meta.url));
const finishMs = 600_000;

/** Counts words on a cluster of its own and returns what it took; throws where a total is wrong. */
export async function runWordCount(run: WordCountCase): Promise<WordCountRun> {
  const { parallelism, words, vocabulary, distribution, checkpointMs } = run;
  await using cluster = await BenchCluster.start(parallelism);
  const samples = cluster.path("samples");
  await using watch = new CpuWatch(cluster.workerProcessIds());
  const params = { words, splits: parallelism, vocabulary, distribution, checkpointMs, samples };
  const jobId = await cluster.submit({ module, parallelism, params });
  await cluster.untilFinished(jobId, finishMs);
  const measured = await measureWords(samples, run, watch);
  const sinks = await readSamples(samples, "sink");
  const results = sinks.reduce((sum, points) => sum + (points.at(-1)?.value ?? 0), 0);
  const isWarm = ({ atMs }: CompletedCheckpoint): boolean =>
    atMs >= measured.fromMs && atMs <= measured.toMs;
  return {
    ...measured,
    resultsPerWord: results / words,
    checkpoints: cluster.checkpoints(jobId).filter(isWarm),
  };
}
