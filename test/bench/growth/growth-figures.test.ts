import { expect, test } from "vitest";

import { tellGrowth } from "./growth-figures.ts";

const quantities = [
  { what: "upload", unit: "bytes", read: ([bytes = 0]: readonly number[]) => bytes, atMost: 1.2 },
  { what: "memory", unit: "MB", read: ([, memory = 0]: readonly number[]) => memory },
];
const stages = [
  { name: "first", measured: [200, 10] },
  { name: "middle", measured: [200, 20] },
  { name: "last", measured: [220, 40] },
];

test("each quantity is told at each stage", () => {
  const { figures } = tellGrowth("checkpoints", stages, quantities);
  expect(figures.map(({ what, values }) => [what, ...values])).toEqual([
    ["checkpoints: upload, first", 200],
    ["checkpoints: upload, middle", 200],
    ["checkpoints: upload, last", 220],
    ["checkpoints: memory, first", 10],
    ["checkpoints: memory, middle", 20],
    ["checkpoints: memory, last", 40],
  ]);
});

test("what has a limit is judged by its ratio to the first stage", () => {
  const { goals } = tellGrowth("checkpoints", stages, quantities);
  expect(goals.map(({ what, measured, atMost }) => [what, measured, atMost])).toEqual([
    ["checkpoints: upload, middle beside first", 1, 1.2],
    ["checkpoints: upload, last beside first", 1.1, 1.2],
  ]);
});

test("what begins at nothing has grown without limit as soon as it is anything", () => {
  const [, ...rest] = stages;
  const begun = [{ name: "first", measured: [0, 0] }, ...rest];
  const [goal] = tellGrowth("checkpoints", begun, quantities).goals;
  expect(goal?.measured).toBe(Infinity);
});

test("without a stage there is nothing to tell", () => {
  expect(() => tellGrowth("checkpoints", [], quantities)).toThrow("nothing was measured");
});
