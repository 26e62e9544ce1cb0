import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, test } from "vitest";

import { readSamples } from "./read-samples.ts";
import { createTotalsWriter } from "./totals-sink.ts";
import { createWordReader } from "./word-source.ts";
import { countWords } from "./word-stream.ts";

test("behind the end of its source a sink writes the latest count of each word", async () => {
  const samples = await mkdtemp(join(tmpdir(), "millrace-totals-"));
  try {
    const options = { vocabulary: 50, distribution: "uniform", words: 5_000, splits: 1 } as const;
    const reader = createWordReader({ ...options, samples });
    const split = await reader.open({ id: "0", descriptor: 0 }, undefined);
    const writer = createTotalsWriter({ vocabulary: 50, samples }, 3);
    const counts = new Map<string, number>();
    const takeBatch = async (): Promise<boolean> => {
      const batch = await split.nextBatch();
      for (const key of batch?.records ?? []) {
        counts.set(key, (counts.get(key) ?? 0) + 1);
        writer.write({ key, value: counts.get(key) ?? 0 });
      }
      return batch !== undefined;
    };
    const transaction = {
      jobId: "counts-1",
      operatorName: "totals",
      subtaskIndex: 3,
      attempt: 1,
      checkpointId: 1n,
    };
    await takeBatch();
    await writer.prepare(transaction);
    expect(await readdir(samples)).not.toContain("sink-3.totals");
    while (await takeBatch());
    await writer.prepare(transaction);
    const bytes = await readFile(join(samples, "sink-3.totals"));
    const totals = Array.from({ length: 50 }, (_, word) => bytes.readUInt32LE(4 * word));
    expect(totals).toEqual([...countWords(options, options)]);
    const [sink = []] = await readSamples(samples, "sink");
    expect(sink.map(({ value }) => value).at(-1)).toBe(5_000);
  } finally {
    await rm(samples, { recursive: true });
  }
});

test("a split that is opened at a position goes on behind it", async () => {
  const samples = await mkdtemp(join(tmpdir(), "millrace-totals-"));
  try {
    const options = { vocabulary: 90, distribution: "zipf", words: 3_000, splits: 1 } as const;
    const reader = createWordReader({ ...options, samples });
    const whole = await reader.open({ id: "0", descriptor: 0 }, undefined);
    const batch = await whole.nextBatch();
    const position = batch?.positionAt(1_000);
    const rest = await reader.open({ id: "0", descriptor: 0 }, position);
    const resumed = await rest.nextBatch();
    expect(resumed?.records.slice(0, 500)).toEqual(batch?.records.slice(1_000, 1_500));
  } finally {
    await rm(samples, { recursive: true });
  }
});
