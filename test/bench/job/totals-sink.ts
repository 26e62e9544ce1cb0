import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { SinkConnector, SinkWriter } from "millrace";

import { SampleFile } from "./sample-file.ts";
import { hasEndedSplit } from "./word-source.ts";

export interface TotalsSinkOptions {
  readonly vocabulary: number;
  /** A folder for `sink-<subtask>.samples` and, at the end, `sink-<subtask>.totals`. */
  readonly samples: string;
}

/** The running count of a word. */
export interface WordCount {
  readonly key: string;
  readonly value: number;
}

/**
 * Returns a sink that keeps the latest count of each word and nothing else. It writes them as 32-bit
 * integers by word number, with each checkpoint behind the end of a split of its slot: the last one of
 * a job holds all. Totals do not come back after a restart.
 */
export function totals(options: TotalsSinkOptions): SinkConnector<WordCount> {
  return {
    connector: "bench-totals",
    options: { ...options },
    guarantee: "at-least-once",
    createWriter: ({ subtaskIndex }) => createTotalsWriter(options, subtaskIndex),
  };
}

/** Returns the writer of one subtask. */
export function createTotalsWriter(
  { vocabulary, samples }: TotalsSinkOptions,
  subtaskIndex: number,
): SinkWriter<WordCount> {
  mkdirSync(samples, { recursive: true });
  const latest = new Uint32Array(vocabulary);
  const progress = new SampleFile(join(samples, `sink-${subtaskIndex}.samples`));
  const path = join(samples, `sink-${subtaskIndex}.totals`);
  let count = 0;
  return {
    write: ({ key, value }) => {
      latest[wordNumber(key)] = value;
      if (count === 0) progress.add(1);
      count += 1;
      if ((count & 0x3f_ff) === 0) progress.offer(count);
    },
    bufferedBytes: () => 0,
    flush: () => Promise.resolve(),
    prepare: () => {
      if (hasEndedSplit(samples)) {
        progress.add(count);
        writeFileSync(`${path}.new`, latest);
        renameSync(`${path}.new`, path);
      }
      return Promise.resolve(undefined);
    },
    publish: () => Promise.resolve(),
    removeOrphans: () => Promise.resolve(),
  };
}

/** Returns the number behind the "w"; faster than Number(key.slice(1)). */
function wordNumber(key: string): number {
  let number = 0;
  for (let index = 1; index < key.length; index += 1) {
    number = number * 10 + key.charCodeAt(index) - 48;
  }
  return number;
}
