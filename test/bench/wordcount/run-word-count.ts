import { fileURLToPath } from "node:url";

import type { Progress } from "../job/measure-progress.ts";
import { readSamples } from "../job/read-samples.ts";
import {
  BenchCluster,
  type CompletedCheckpoint,
  type StoredSnapshot,
} from "../process/bench-cluster.ts";
import { CpuWatch } from "../process/cpu-time.ts";
import { profileSlot } from "../profile/profile-slot.ts";
import { measureWords, type WordCountCase } from "./measure-words.ts";

export interface WordCountRun extends Progress {
  /** Records that reached the sinks, for each word: fewer than 1 where words were combined. */
  readonly resultsPerWord: number;
  /** Of the warm window. */
  readonly checkpoints: readonly CompletedCheckpoint[];
  /** Of all workers, in the warm window. */
  readonly snapshots: readonly StoredSnapshot[];
}

const module = fileURLToPath(new URL("./word-count-job.ts", import.meta.url));
const finishMs = 600_000;

/**
 * Counts words on a cluster of its own and returns what it took; throws where a total is wrong. With a file
 * the first worker's slot is profiled in the warm window.
 */
export async function runWordCount(
  run: WordCountCase,
  profileFile?: string,
): Promise<WordCountRun> {
  await using cluster = await BenchCluster.start(run.parallelism);
  const samples = samplesOf(cluster);
  await using watch = new CpuWatch(cluster.workerProcessIds());
  const jobId = await submitWordCount(cluster, run);
  const { warmUpMs } = run;
  if (profileFile !== undefined) await profileSlot(cluster, { warmUpMs, file: profileFile });
  await cluster.untilFinished(jobId, finishMs);
  const measured = await measureWords(samples, run, watch);
  const sinks = await readSamples(samples, "sink");
  const results = sinks.reduce((sum, points) => sum + (points.at(-1)?.value ?? 0), 0);
  const isWarm = ({ atMs }: { readonly atMs: number }): boolean =>
    atMs >= measured.fromMs && atMs <= measured.toMs;
  return {
    ...measured,
    resultsPerWord: results / run.words,
    checkpoints: cluster.checkpoints(jobId).filter(isWarm),
    snapshots: cluster.snapshots(jobId).filter(isWarm),
  };
}

/** Returns the job's id; its sources and sinks write to `samplesOf` the cluster. */
export function submitWordCount(
  cluster: BenchCluster,
  run: Omit<WordCountCase, "warmUpMs">,
): Promise<string> {
  const { parallelism, words, vocabulary, distribution, checkpointMs, isCombined } = run;
  const combine = isCombined === true ? { combine: 1 } : {};
  const samples = samplesOf(cluster);
  const counted = { words, splits: parallelism, vocabulary, distribution };
  const params = { ...counted, checkpointMs, samples, ...combine };
  return cluster.submit({ module, parallelism, params });
}

function samplesOf(cluster: BenchCluster): string {
  return cluster.path("samples");
}
