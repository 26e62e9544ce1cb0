import { expect, test } from "vitest";

import { isMet, type BenchmarkResult } from "./benchmark.ts";
import { formatMachine, formatOthers, formatResult, isBusy } from "./format-result.ts";

const result: BenchmarkResult = {
  figures: [
    { what: "p=1", unit: "words/s", values: [1_234_567.8] },
    { what: "p=2: CPU", unit: "us/word", values: [0.70123, 0.61, 0.9] },
  ],
  goals: [
    { what: "CPU", unit: "us/word", measured: 0.70123, atMost: 0.85 },
    { what: "ratio", unit: "times", measured: 1.2, atLeast: 1.5 },
  ],
};

test("a figure is its median, with the range where it has several runs", () => {
  const lines = formatResult("wordcount", result, true).split("\n");
  expect(lines.slice(0, 3)).toEqual([
    "wordcount",
    "  p=1      1,234,568 words/s",
    "  p=2: CPU 0.701 us/word (0.61 to 0.9, 3 runs)",
  ]);
});

test("a goal is met or missed on a machine of our own", () => {
  const lines = formatResult("wordcount", result, true).split("\n");
  expect(lines.slice(3)).toEqual([
    "  goal met    CPU: 0.701 us/word (at most 0.85)",
    "  goal MISSED ratio: 1.2 times (at least 1.5)",
  ]);
});

test("no goal is decided where others ran beside", () => {
  const lines = formatResult("wordcount", result, false).split("\n");
  expect(lines.slice(3).every((line) => line.startsWith("  goal open  "))).toBe(true);
});

test("a benchmark without figures is its name", () => {
  expect(formatResult("wordcount", { figures: [], goals: [] }, true)).toBe("wordcount");
});

test("a goal is met at its very limit", () => {
  const goal = { what: "", unit: "", measured: 2 };
  expect(isMet({ ...goal, atMost: 2 })).toBe(true);
  expect(isMet({ ...goal, atLeast: 2 })).toBe(true);
  expect(isMet({ ...goal, atMost: 1.99 })).toBe(false);
  expect(isMet({ ...goal, atLeast: 2.01 })).toBe(false);
  expect(isMet({ ...goal, measured: Number.NaN, atMost: 2 })).toBe(false);
});

test("others may use a tenth of the processors before goals are left open", () => {
  expect([0, 0.02, 0.1].map(isBusy)).toEqual([false, false, false]);
  expect([0.11, 0.5, 1].map(isBusy)).toEqual([true, true, true]);
  expect(formatOthers(0.0213)).toBe("  others used 2.1 % of the processors' time");
  expect(formatOthers(0.4)).toContain("40.0 % of the processors' time: OTHERS RAN BESIDE IT");
});

test("the machine is told in one line", () => {
  const machine = {
    processors: 2,
    model: "EPYC",
    memoryGiB: 24,
    node: "v24.1.0",
    commit: "abc+",
    load: 0.25,
    at: "2026-01-01",
  };
  expect(formatMachine(machine)).toBe(
    "2 x EPYC, 24 GiB, load 0.3; Node v24.1.0; commit abc+; 2026-01-01",
  );
});
