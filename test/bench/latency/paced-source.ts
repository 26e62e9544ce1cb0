import type { SourceBatch, SourceConnector, SplitHandle } from "millrace";

import { createVocabulary, startOfSplit, WordStream } from "../job/word-stream.ts";
import { Ticker } from "./ticker.ts";

/** A word that says when it was to be there. */
export interface StampedWord {
  readonly word: string;
  /** By `monotonicMs`: the tick it belongs to, so a source that is late counts as latency. */
  readonly createdMs: number;
}

export interface PacedSourceOptions {
  readonly vocabulary: number;
  /** Of each split, in each millisecond. */
  readonly eventsPerMs: number;
  /** Of each split. */
  readonly durationMs: number;
  readonly splits: number;
}

/** Returns a source that gives the same number of words in each millisecond. It does not replay. */
export function pacedWords(options: PacedSourceOptions): SourceConnector<StampedWord> {
  return {
    connector: "bench-paced-words",
    options: { ...options },
    canReplay: false,
    discover: () =>
      Promise.resolve(
        Array.from({ length: options.splits }, (_, index) => ({
          id: String(index),
          descriptor: index,
        })),
      ),
    createReader: () => ({
      open: ({ descriptor }) => Promise.resolve(new PacedSplit(options, Number(descriptor))),
    }),
  };
}

let endedCount = 0;

/** Whether a split has ended in this thread: the sink of the same slot asks. */
export function hasEndedSplit(): boolean {
  return endedCount > 0;
}

class PacedSplit implements SplitHandle<StampedWord> {
  readonly #options: PacedSourceOptions;
  readonly #vocabulary: readonly string[];
  readonly #stream: WordStream;
  readonly #numbers: Int32Array;
  readonly #ticker = new Ticker();
  #tick = 0;

  constructor(options: PacedSourceOptions, split: number) {
    const { vocabulary, eventsPerMs } = options;
    this.#options = options;
    this.#vocabulary = createVocabulary(vocabulary);
    this.#stream = new WordStream({ vocabulary, distribution: "uniform" }, startOfSplit(split));
    this.#numbers = new Int32Array(eventsPerMs);
  }

  async nextBatch(): Promise<SourceBatch<StampedWord> | undefined> {
    const { durationMs, eventsPerMs } = this.#options;
    if (this.#tick === durationMs) {
      endedCount += 1;
      return undefined;
    }
    const newest = Math.min(await this.#ticker.after(this.#tick), durationMs);
    const records: StampedWord[] = [];
    while (this.#tick < newest) {
      this.#tick += 1;
      const createdMs = this.#ticker.dueMs(this.#tick);
      this.#stream.fill(this.#numbers, eventsPerMs);
      for (const number of this.#numbers) {
        records.push({ word: this.#vocabulary[number] ?? "", createdMs });
      }
    }
    return { records, positionAt: () => null };
  }

  close(): Promise<void> {
    this.#ticker.end();
    return Promise.resolve();
  }
}
