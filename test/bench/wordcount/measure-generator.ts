import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createTotalsWriter } from "../job/totals-sink.ts";
import { createWordReader, type WordSourceOptions } from "../job/word-source.ts";
import type { WordStreamOptions } from "../job/word-stream.ts";

/** CPU microseconds for each word. */
export interface GeneratorCost {
  readonly generatorUsPerWord: number;
  readonly sinkUsPerWord: number;
}

/**
 * Returns what the source and the sink of the word count take by themselves: the same source read in a
 * loop with no pipeline behind it, then with the sink's `write` for each word and a count of its own.
 * The engine's share of a run is the rest.
 */
export async function measureGenerator(
  options: WordStreamOptions,
  wordCount: number,
): Promise<GeneratorCost> {
  const samples = await mkdtemp(join(tmpdir(), "millrace-bench-"));
  try {
    const split = { ...options, words: wordCount, splits: 1, samples };
    const writer = createTotalsWriter({ vocabulary: options.vocabulary, samples }, 0);
    const readAlone = (): Promise<number> => readThrough(split, () => {});
    const readAndWrite = (): Promise<number> =>
      readThrough(split, (records) => {
        for (const key of records) writer.write({ key, value: 1 });
      });
    // The first of each is cold.
    await readAlone();
    await readAndWrite();
    const generatorUsPerWord = await readAlone();
    return { generatorUsPerWord, sinkUsPerWord: (await readAndWrite()) - generatorUsPerWord };
  } finally {
    await rm(samples, { recursive: true });
  }
}

/** Returns CPU microseconds for each word. */
async function readThrough(
  options: WordSourceOptions,
  onRecords: (records: readonly string[]) => void,
): Promise<number> {
  const reader = createWordReader(options);
  const handle = await reader.open({ id: "0", descriptor: 0 }, undefined);
  const before = process.cpuUsage();
  for (;;) {
    const batch = await handle.nextBatch();
    if (batch === undefined) break;
    onRecords(batch.records);
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / options.words;
}
