import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, test } from "vitest";

import { parseSamples, readSamples } from "./read-samples.ts";
import { SampleFile } from "./sample-file.ts";

test("a line is a moment and a count", () => {
  expect(parseSamples("1700 1\n1800 20\n")).toEqual([
    { atMs: 1_700, value: 1 },
    { atMs: 1_800, value: 20 },
  ]);
});

test("a line that is not whole yet is left out", () => {
  expect(parseSamples("1700 1\n1800 2")).toEqual([{ atMs: 1_700, value: 1 }]);
  expect(parseSamples("1700")).toEqual([]);
  expect(parseSamples("")).toEqual([]);
});

test("what subtasks write is read by kind, and a folder that is not there holds nothing", async () => {
  const folder = await mkdtemp(join(tmpdir(), "millrace-samples-"));
  try {
    for (const name of ["sink-0.samples", "sink-1.samples", "source-0.samples"]) {
      new SampleFile(join(folder, name)).add(name.startsWith("sink") ? 5 : 9);
    }
    await writeFile(join(folder, "sink-0.totals"), "1 1\n");
    const sinks = await readSamples(folder, "sink");
    expect(sinks.map((points) => points.map(({ value }) => value))).toEqual([[5], [5]]);
    expect(await readSamples(folder, "source")).toHaveLength(1);
    expect(await readSamples(join(folder, "none"), "sink")).toEqual([]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a sample file takes an offer at once and the next one only after a while", async () => {
  const folder = await mkdtemp(join(tmpdir(), "millrace-samples-"));
  try {
    const file = new SampleFile(join(folder, "sink-0.samples"));
    file.offer(1);
    file.add(2);
    const [points = []] = await readSamples(folder, "sink");
    expect(points.map(({ value }) => value)).toEqual([1, 2]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
