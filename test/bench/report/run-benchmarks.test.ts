import { expect, test } from "vitest";

import type { Benchmark } from "./benchmark.ts";
import { runBenchmarks, type RunOptions } from "./run-benchmarks.ts";

const good: Benchmark = {
  name: "good",
  summary: "",
  run: () =>
    Promise.resolve({
      figures: [{ what: "rate", unit: "MB/s", values: [3] }],
      goals: [{ what: "rate", unit: "MB/s", measured: 3, atLeast: 2 }],
    }),
};
const wrong: Benchmark = {
  name: "wrong",
  summary: "",
  run: () => Promise.reject(new Error("word w7 was counted twice")),
};

function optionsOf(printed: string[], othersShare: number): RunOptions {
  return {
    context: { runs: 1, isQuick: true, only: "", isAgainstFlink: false, note: () => {} },
    print: (line) => void printed.push(line),
    watchOthers: () => Promise.resolve({ share: () => Promise.resolve(othersShare) }),
  };
}

test("a benchmark that fails is told, and the others run", async () => {
  const printed: string[] = [];
  const outcomes = await runBenchmarks([wrong, good], optionsOf(printed, 0));
  expect(outcomes["wrong"]).toMatchObject({
    failure: expect.stringContaining("word w7 was counted twice"),
  });
  expect(outcomes["good"]).toMatchObject({ othersShare: 0, figures: [{ values: [3] }] });
  expect(printed[0]).toContain("wrong\n  FAILED: Error: word w7 was counted twice");
  expect(printed[1]).toContain("goal met    rate");
});

test("goals are open where others used the machine meanwhile", async () => {
  const printed: string[] = [];
  await runBenchmarks([good], optionsOf(printed, 0.5));
  expect(printed[0]).toContain("goal open   rate");
  expect(printed[1]).toContain("OTHERS RAN BESIDE IT");
});
