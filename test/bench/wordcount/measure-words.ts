/**
 * What a word count took; the same for Millrace and for Flink.
 *
 * I1 A run whose totals are not exact throws: its figures do not exist.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { measureProgress, type Progress } from "../job/measure-progress.ts";
import { countWords, type WordStreamOptions } from "../job/word-stream.ts";
import type { CpuWatch } from "../process/cpu-time.ts";

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

/** Returns both windows of a run that has ended; throws where a total is wrong. */
export async function measureWords(
  samples: string,
  run: WordCountCase,
  watch: CpuWatch,
): Promise<Progress> {
  await checkTotals(samples, run);
  return measureProgress(samples, run, watch);
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
