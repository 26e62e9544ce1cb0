import { expect, test } from "vitest";

import type { BenchmarkContext } from "./benchmark.ts";
import { fromLines, type BenchLine } from "./from-lines.ts";

async function* measure(isQuick: boolean): AsyncGenerator<BenchLine> {
  yield { name: "10 keys: pause", value: isQuick ? 1 : 2, unit: "ms", atMost: 50 };
  yield { name: "20 keys: rate", value: 7, unit: "MB/s", atLeast: 5 };
  yield { name: "20 keys: memory", value: 9, unit: "MB" };
}

function contextOf(only: string, notes: string[] = []): BenchmarkContext {
  return {
    runs: 1,
    isQuick: true,
    only,
    isAgainstFlink: false,
    note: (line) => void notes.push(line),
  };
}

const benchmark = fromLines({ name: "state", summary: "", measure });

test("each line is a figure, and a goal where it has a limit", async () => {
  const { figures, goals } = await benchmark.run(contextOf(""));
  expect(figures.map(({ what, values }) => [what, ...values])).toEqual([
    ["10 keys: pause", 1],
    ["20 keys: rate", 7],
    ["20 keys: memory", 9],
  ]);
  expect(goals).toEqual([
    { what: "10 keys: pause", unit: "ms", measured: 1, atMost: 50 },
    { what: "20 keys: rate", unit: "MB/s", measured: 7, atLeast: 5 },
  ]);
});

test("lines that were not asked for are left out", async () => {
  const notes: string[] = [];
  const { figures, goals } = await benchmark.run(contextOf("20 keys", notes));
  expect(figures).toHaveLength(2);
  expect(goals).toHaveLength(1);
  expect(notes).toEqual(["20 keys: rate: 7.00 MB/s", "20 keys: memory: 9.00 MB"]);
});
