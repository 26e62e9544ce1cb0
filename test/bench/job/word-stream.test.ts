import { expect, test } from "vitest";

import {
  countWords,
  createVocabulary,
  distributions,
  startOfSplit,
  WordStream,
  wordsOfSplit,
  type Distribution,
} from "./word-stream.ts";

function take(distribution: Distribution, vocabulary: number, count: number): Int32Array {
  const numbers = new Int32Array(count);
  new WordStream({ vocabulary, distribution }, startOfSplit(0)).fill(numbers, count);
  return numbers;
}

function sum(values: Iterable<number>): number {
  return [...values].reduce((total, value) => total + value, 0);
}

test("the first uniform words are those of the generator that the peers have too", () => {
  const expected: number[] = [];
  let x = 1n;
  for (let index = 0; index < 5; index += 1) {
    x = (1_664_525n * x + 1_013_904_223n) % 2n ** 32n;
    expected.push(Number((x >> 8n) % 100_000n));
  }
  expect([...take("uniform", 100_000, 5)]).toEqual(expected);
});

test.each(distributions)("%s: all numbers are of the vocabulary", (distribution) => {
  expect(take(distribution, 1_000, 10_000).every((word) => word >= 0 && word < 1_000)).toBe(true);
});

test.each(distributions)(
  "%s: a stream goes on from a position as it went on before (I1)",
  (one) => {
    const options = { vocabulary: 500, distribution: one };
    const whole = take(one, 500, 2_000);
    const stream = new WordStream(options, startOfSplit(0));
    stream.fill(new Int32Array(700), 700);
    const position = { count: 700, x: stream.x };
    const rest = new Int32Array(1_300);
    new WordStream(options, position).fill(rest, 1_300);
    expect(rest).toEqual(whole.subarray(700));
    const again = new Int32Array(1_300);
    stream.fill(new Int32Array(50), 50);
    stream.seek(position);
    stream.fill(again, 1_300);
    expect(again).toEqual(rest);
  },
);

test("words of zipf(1.0) come as often as their rank says", () => {
  const counts = countWords(
    { vocabulary: 1_000, distribution: "zipf" },
    { words: 400_000, splits: 4 },
  );
  const weightSum = sum(Array.from({ length: 1_000 }, (_, word) => 1 / (word + 1)));
  for (const word of [0, 1, 9, 99]) {
    const expected = 400_000 / (word + 1) / weightSum;
    expect(Math.abs((counts[word] ?? 0) / expected - 1)).toBeLessThan(0.1);
  }
});

test("hot words are each word once, and then one in a hundred of them", () => {
  const numbers = take("hot", 1_000, 5_000);
  expect([...numbers.subarray(0, 1_000)]).toEqual(Array.from({ length: 1_000 }, (_, word) => word));
  expect(numbers.subarray(1_000).every((word) => word % 100 === 0)).toBe(true);
});

test("splits of different numbers give different words", () => {
  const options = { vocabulary: 1_000, distribution: "uniform" } as const;
  const [first, second] = [0, 1].map((split) => {
    const numbers = new Int32Array(100);
    new WordStream(options, startOfSplit(split)).fill(numbers, 100);
    return [...numbers];
  });
  expect(first).not.toEqual(second);
});

test("all splits together give as many words as were asked for, evenly", () => {
  const sizes = Array.from({ length: 7 }, (_, split) => wordsOfSplit(100, split, 7));
  expect(sum(sizes)).toBe(100);
  expect(Math.max(...sizes) - Math.min(...sizes)).toBe(1);
});

test.each(distributions)("%s: totals are what the streams give", (distribution) => {
  const options = { vocabulary: 100, distribution };
  const expected = new Uint32Array(100);
  for (const split of [0, 1, 2]) {
    const count = wordsOfSplit(20_000, split, 3);
    const numbers = new Int32Array(count);
    new WordStream(options, startOfSplit(split)).fill(numbers, count);
    for (const word of numbers) expected[word] = (expected[word] ?? 0) + 1;
  }
  const counts = countWords(options, { words: 20_000, splits: 3 });
  expect(counts).toEqual(expected);
  expect(sum(counts)).toBe(20_000);
});

test("a vocabulary names its words by their numbers", () => {
  expect(createVocabulary(3)).toEqual(["w0", "w1", "w2"]);
});
