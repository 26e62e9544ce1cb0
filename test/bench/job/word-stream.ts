/**
 * The words that Millrace and its peers count: x' = (1664525 x + 1013904223) mod 2^32, the word is
 * "w" + (x' >>> 8) % vocabulary, and split i begins at x = i + 1. Words of zipf(1.0) are drawn from the
 * same numbers by the alias method (Vose 1991): one number chooses the column, the next one the side. Hot words
 * are each word of the vocabulary once, in order, and then one in a hundred of them only.
 *
 * I1 What a split gives depends on nothing but its number and its options: two readers agree.
 */

export const distributions = ["uniform", "zipf", "hot"] as const;
export type Distribution = (typeof distributions)[number];

export interface WordStreamOptions {
  readonly vocabulary: number;
  readonly distribution: Distribution;
}

/** Where a split stands: words given so far, and the generator's state. */
export interface WordPosition {
  readonly count: number;
  readonly x: number;
}

/** Returns where a split begins. */
export function startOfSplit(split: number): WordPosition {
  return { count: 0, x: split + 1 };
}

/** Returns how many words split `split` of `splits` gives: all together give `words`. */
export function wordsOfSplit(words: number, split: number, splits: number): number {
  return Math.floor(words / splits) + (split < words % splits ? 1 : 0);
}

/** Returns the words themselves, by number; made once, so that a stream gives the same strings again. */
export function createVocabulary(size: number): readonly string[] {
  return Array.from({ length: size }, (_, index) => `w${index}`);
}

interface Columns {
  /** Below it the column's own word, else the alias; of 2^32. */
  readonly threshold: Float64Array;
  readonly alias: Int32Array;
}

/** One word in so many is hot. */
const hotStride = 100;

/** An endless sequence of word numbers; `x` is kept as a signed 32-bit integer, which V8 does not box. */
export class WordStream {
  readonly #vocabulary: number;
  readonly #isHot: boolean;
  readonly #columns: Columns | undefined;
  #count: number;
  #x: number;

  constructor({ vocabulary, distribution }: WordStreamOptions, start: WordPosition) {
    this.#vocabulary = vocabulary;
    this.#columns = distribution === "zipf" ? createColumns(vocabulary) : undefined;
    this.#isHot = distribution === "hot";
    this.#count = start.count;
    this.#x = start.x | 0;
  }

  get x(): number {
    return this.#x >>> 0;
  }

  /** Goes to a position of the same split. */
  seek({ count, x }: WordPosition): void {
    this.#count = count;
    this.#x = x | 0;
  }

  /** Fills the array with the numbers of the next words, from its beginning. */
  fill(numbers: Int32Array, count: number): void {
    const columns = this.#columns;
    if (columns !== undefined) this.#fillZipf(numbers, count, columns);
    else if (this.#isHot) this.#fillHot(numbers, count);
    else this.#fillUniform(numbers, count);
    this.#count += count;
  }

  #fillUniform(numbers: Int32Array, count: number): void {
    const vocabulary = this.#vocabulary;
    let x = this.#x;
    for (let index = 0; index < count; index += 1) {
      x = (Math.imul(x, 1_664_525) + 1_013_904_223) | 0;
      numbers[index] = (x >>> 8) % vocabulary;
    }
    this.#x = x;
  }

  #fillHot(numbers: Int32Array, count: number): void {
    const vocabulary = this.#vocabulary;
    const hotCount = Math.ceil(vocabulary / hotStride);
    const before = this.#count;
    let x = this.#x;
    for (let index = 0; index < count; index += 1) {
      x = (Math.imul(x, 1_664_525) + 1_013_904_223) | 0;
      const word = before + index;
      numbers[index] = word < vocabulary ? word : ((x >>> 8) % hotCount) * hotStride;
    }
    this.#x = x;
  }

  #fillZipf(numbers: Int32Array, count: number, { threshold, alias }: Columns): void {
    const vocabulary = this.#vocabulary;
    let x = this.#x;
    for (let index = 0; index < count; index += 1) {
      x = (Math.imul(x, 1_664_525) + 1_013_904_223) | 0;
      const column = (x >>> 8) % vocabulary;
      x = (Math.imul(x, 1_664_525) + 1_013_904_223) | 0;
      numbers[index] = x >>> 0 < (threshold[column] ?? 0) ? column : (alias[column] ?? 0);
    }
    this.#x = x;
  }
}

/** Returns how often each word comes in all splits together. */
export function countWords(
  options: WordStreamOptions,
  { words, splits }: { readonly words: number; readonly splits: number },
): Uint32Array {
  const totals = new Uint32Array(options.vocabulary);
  const numbers = new Int32Array(4_096);
  const stream = new WordStream(options, startOfSplit(0));
  for (let split = 0; split < splits; split += 1) {
    stream.seek(startOfSplit(split));
    let left = wordsOfSplit(words, split, splits);
    while (left > 0) {
      const count = Math.min(left, numbers.length);
      stream.fill(numbers, count);
      for (let index = 0; index < count; index += 1) {
        const word = numbers[index] ?? 0;
        totals[word] = (totals[word] ?? 0) + 1;
      }
      left -= count;
    }
  }
  return totals;
}

/** Returns the alias table of zipf(1.0): word k has weight 1 / (k + 1). */
function createColumns(size: number): Columns {
  let weightSum = 0;
  for (let word = 0; word < size; word += 1) weightSum += 1 / (word + 1);
  const share = Float64Array.from({ length: size }, (_, word) => size / (word + 1) / weightSum);
  const threshold = new Float64Array(size).fill(2 ** 32);
  const alias = Int32Array.from({ length: size }, (_, word) => word);
  // Shares fall with the word's number: the heavy ones come first.
  const heavyCount = share.findIndex((value) => value < 1);
  let heavy = 0;
  const light: number[] = [];
  for (let word = size - 1; word >= heavyCount && heavyCount !== -1; word -= 1) light.push(word);
  while (light.length > 0 && heavy < heavyCount) {
    const word = light.pop() ?? 0;
    threshold[word] = (share[word] ?? 0) * 2 ** 32;
    alias[word] = heavy;
    share[heavy] = (share[heavy] ?? 0) + (share[word] ?? 0) - 1;
    if ((share[heavy] ?? 0) >= 1) continue;
    light.push(heavy);
    heavy += 1;
  }
  return { threshold, alias };
}
