/**
 * What a word count took, from what its sources and sinks wrote; the same for Millrace and for Flink.
 *
 * I1 A run whose totals are not exact throws: its figures do not exist.
 * I2 The warm window begins so long after the first word and ends with the first split that ends, so
 *    all subtasks work in all of it. Of a run that is shorter than twice its warm-up it is the second half.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { readSamples } from "../job/read-samples.ts";
import { countWords, type WordStreamOptions } from "../job/word-stream.ts";
import { interpolate, type CpuWatch, type Point } from "../process/cpu-time.ts";

export interface WordCountCase extends WordStreamOptions {
  readonly parallelism: number;
  /** 0: none before the end. */
  readonly checkpointMs: number;
  readonly words: number;
  /** What Flink counts; absent: the same. */
  readonly flinkWords?: number;
  /** Whether words are counted before they are sent, while that pays. Default false. */
  readonly isCombined?: boolean;
  /** From the first word to the beginning of the warm window. */
  readonly warmUpMs: number;
}

/** What a window of time took. */
export interface Window {
  readonly wordsPerSecond: number;
  /** CPU of the processes that work, without the coordinator. */
  readonly cpuUsPerWord: number;
}

export interface MeasuredWords {
  /** The first five seconds, or less where the run is shorter. */
  readonly cold: Window;
  readonly warm: Window;
  /** The warm window, in epoch time. */
  readonly fromMs: number;
  readonly toMs: number;
}

const coldMs = 5_000;
/** CPU time and progress are sampled several times in it. */
const shortestMs = 500;

/** Returns both windows of a run that has ended; throws where a total is wrong. */
export async function measureWords(
  samples: string,
  run: WordCountCase,
  watch: CpuWatch,
): Promise<MeasuredWords> {
  await checkTotals(samples, run);
  const sources = await readSamples(samples, "source");
  const firstMs = Math.min(...sources.map((points) => points[0]?.atMs ?? Infinity));
  const toMs = Math.min(...sources.map((points) => points.at(-1)?.atMs ?? -Infinity));
  const fromMs = beginOfWarm({ firstMs, toMs, warmUpMs: run.warmUpMs });
  const measure = (from: number, to: number): Window => measureWindow(sources, watch, from, to);
  return {
    cold: measure(firstMs, Math.min(firstMs + coldMs, toMs)),
    warm: measure(fromMs, toMs),
    fromMs,
    toMs,
  };
}

/** Returns when the warm window of a run begins (I2); throws where it is too short to be measured. */
export function beginOfWarm({
  firstMs,
  toMs,
  warmUpMs,
}: {
  readonly firstMs: number;
  readonly toMs: number;
  readonly warmUpMs: number;
}): number {
  const fromMs = Math.min(firstMs + warmUpMs, (firstMs + toMs) / 2);
  if (toMs - fromMs >= shortestMs) return fromMs;
  throw new Error(`all words were read within ${toMs - firstMs} ms: give the run more`);
}

function measureWindow(
  sources: readonly (readonly Point[])[],
  watch: CpuWatch,
  fromMs: number,
  toMs: number,
): Window {
  const words = sources.reduce(
    (sum, points) => sum + interpolate(points, toMs) - interpolate(points, fromMs),
    0,
  );
  return {
    wordsPerSecond: (words * 1_000) / (toMs - fromMs),
    cpuUsPerWord: (watch.between(fromMs, toMs) * 1_000) / words,
  };
}

/** Compares what the sinks hold with totals that are counted here. */
async function checkTotals(samples: string, run: WordCountCase): Promise<void> {
  const expected = countWords(run, { words: run.words, splits: run.parallelism });
  const actual = new Uint32Array(run.vocabulary);
  const names = (await readdir(samples)).filter((name) => name.endsWith(".totals"));
  for (const name of names) {
    const bytes = await readFile(join(samples, name));
    // A word is with one sink only.
    for (let word = 0; word < run.vocabulary; word += 1) {
      actual[word] = (actual[word] ?? 0) + bytes.readUInt32LE(4 * word);
    }
  }
  const wrong = expected.findIndex((count, word) => actual[word] !== count);
  if (wrong === -1) return;
  throw new Error(
    `word w${wrong} was counted ${actual[wrong]} times and came ${expected[wrong]} times (${names.length} sinks)`,
  );
}
