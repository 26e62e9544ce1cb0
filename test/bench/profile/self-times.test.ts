import { expect, test } from "vitest";

import { selfTimes } from "./self-times.ts";

function node(id: number, functionName: string, url: string, lineNumber: number) {
  return { id, callFrame: { functionName, url, lineNumber } };
}

const cell = "file:///repo/packages/state/dist/cell.js";

test("a sample stands for the time until the next one, and counts for its function", () => {
  const profile = {
    nodes: [node(1, "find", cell, 9), node(2, "(idle)", "", -1)],
    samples: [1, 2, 1],
    timeDeltas: [500, 2_000, 3_000],
  };
  expect(selfTimes(JSON.stringify(profile))).toEqual([
    { where: "(idle)", selfMs: 3 },
    { where: "find  packages/state/dist/cell.js:10", selfMs: 2 },
  ]);
});

test("a function that is called from several places counts once", () => {
  const profile = {
    nodes: [node(1, "find", cell, 9), node(2, "find", cell, 9), node(3, "", cell, 1)],
    samples: [1, 2, 3, 3],
    timeDeltas: [0, 1_000, 1_000, 500],
  };
  expect(selfTimes(JSON.stringify(profile))).toEqual([
    { where: "find  packages/state/dist/cell.js:10", selfMs: 2 },
    { where: "(anonymous)  packages/state/dist/cell.js:2", selfMs: 0.5 },
  ]);
});

test("what is no profile is refused", () => {
  for (const text of ["null", "{}", '{"nodes":[],"samples":[]}']) {
    expect(() => selfTimes(text)).toThrow("is not a CPU profile");
  }
});
