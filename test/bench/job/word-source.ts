import { mkdirSync } from "node:fs";
import { join } from "node:path";

import type { JsonValue, SourceBatch, SourceConnector, SourceReader, SplitHandle } from "millrace";

import { SampleFile } from "./sample-file.ts";
import {
  createVocabulary,
  startOfSplit,
  WordStream,
  wordsOfSplit,
  type Distribution,
  type WordPosition,
} from "./word-stream.ts";

export interface WordSourceOptions {
  readonly vocabulary: number;
  readonly distribution: Distribution;
  /** Of all splits. */
  readonly words: number;
  readonly splits: number;
  /** A folder for `source-<split>.samples`. */
  readonly samples: string;
}

/** Large enough that a batch costs nothing beside its words. */
const batchSize = 2_048;

/** Returns a source of plain strings that gives them as fast as they are taken. */
export function words(options: WordSourceOptions): SourceConnector<string> {
  return {
    connector: "bench-words",
    options: { ...options },
    canReplay: true,
    discover: () =>
      Promise.resolve(
        Array.from({ length: options.splits }, (_, index) => ({
          id: String(index),
          descriptor: index,
        })),
      ),
    createReader: () => createWordReader(options),
  };
}

/** Returns a reader; its vocabulary is made once, as once a generator at the peers. */
export function createWordReader(options: WordSourceOptions): SourceReader<string> {
  const vocabulary = createVocabulary(options.vocabulary);
  mkdirSync(options.samples, { recursive: true });
  return {
    open: ({ descriptor }, position) =>
      Promise.resolve(new WordSplit({ ...options, vocabulary }, Number(descriptor), position)),
  };
}

type WordSplitOptions = Omit<WordSourceOptions, "vocabulary"> & {
  readonly vocabulary: readonly string[];
};

/** One split; a batch remembers the generator's state at its first word. */
class WordSplit implements SplitHandle<string> {
  readonly #vocabulary: readonly string[];
  readonly #stream: WordStream;
  /** Steps from a batch's first word to another one, for positions. */
  readonly #probe: WordStream;
  readonly #samplesFolder: string;
  readonly #numbers = new Int32Array(batchSize);
  readonly #samples: SampleFile;
  readonly #end: number;
  #count: number;

  constructor(options: WordSplitOptions, split: number, position: JsonValue | undefined) {
    const start = parsePosition(position) ?? startOfSplit(split);
    const { distribution, vocabulary } = options;
    const stream = { distribution, vocabulary: vocabulary.length };
    this.#vocabulary = vocabulary;
    this.#stream = new WordStream(stream, start);
    this.#probe = new WordStream(stream, start);
    this.#samplesFolder = options.samples;
    this.#samples = new SampleFile(join(options.samples, `source-${split}.samples`));
    this.#end = wordsOfSplit(options.words, split, options.splits);
    this.#count = start.count;
  }

  nextBatch(): Promise<SourceBatch<string> | undefined> {
    const first = { count: this.#count, x: this.#stream.x };
    if (this.#count === this.#end) {
      this.#samples.add(this.#count);
      endedSplits.add(this.#samplesFolder);
      return Promise.resolve(undefined);
    }
    this.#samples.offer(this.#count);
    const size = Math.min(batchSize, this.#end - this.#count);
    const records = this.#take(size);
    this.#count += size;
    const positionAt = (index: number): JsonValue => this.#positionAt(first, index);
    return Promise.resolve({ records, positionAt });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #take(size: number): readonly string[] {
    const vocabulary = this.#vocabulary;
    const numbers = this.#numbers;
    this.#stream.fill(numbers, size);
    const records: string[] = [];
    for (let index = 0; index < size; index += 1) {
      records.push(vocabulary[numbers[index] ?? 0] ?? "");
    }
    return records;
  }

  /** At barriers, not per record. */
  #positionAt(first: WordPosition, index: number): JsonValue {
    this.#probe.seek(first);
    this.#probe.fill(new Int32Array(index), index);
    return { count: first.count + index, x: this.#probe.x };
  }
}

/** Sample folders whose split in this thread has ended: the sink of the same slot looks here. */
const endedSplits = new Set<string>();

/** Whether a split that writes its samples there has ended in this thread. */
export function hasEndedSplit(samples: string): boolean {
  return endedSplits.has(samples);
}

function parsePosition(position: JsonValue | undefined): WordPosition | undefined {
  if (typeof position !== "object" || position === null || !("count" in position)) return undefined;
  return { count: Number(position["count"]), x: Number(position["x"]) };
}
