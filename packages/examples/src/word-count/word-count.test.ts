import { assertExactlyOnce, simulate } from "millrace/testing";
import { expect, test } from "vitest";

import wordCount from "./word-count.ts";

test("words are counted whatever their case, and without what stands between them", async () => {
  // A whole cluster in this process, with a disk in memory where the job's source finds its files.
  const { outputs } = await simulate(wordCount, {
    seed: "1",
    params: { texts: "texts" },
    files: { "texts/one.txt": "The mill, the stream.\n", "texts/two.txt": "A mill!\n" },
  });

  // A running count has a record for each word that it read; the order of records means nothing.
  expect(outputs["board"]).toHaveLength(6);
  expect(outputs["board"]).toEqual(
    expect.arrayContaining([
      { word: "the", count: 1 },
      { word: "the", count: 2 },
      { word: "mill", count: 1 },
      { word: "mill", count: 2 },
      { word: "stream", count: 1 },
      { word: "a", count: 1 },
    ]),
  );
});

test("no word is lost or counted twice, whatever fails meanwhile", async () => {
  // Stands in for the source named "lines", and is spread over the time of a run.
  const lines = Array.from({ length: 60 }, (_, index) => `round ${index} goes the mill wheel`);

  // Each seed kills, pauses and cuts off other processes at other moments. A seed that fails is
  // named, with the faults that it took and the line that repeats it.
  const { recoveries } = await assertExactlyOnce(wordCount, { inputs: { lines }, seeds: 10 });

  expect(recoveries).toBeGreaterThan(0);
});
