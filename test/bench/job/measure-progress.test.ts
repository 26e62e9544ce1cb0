import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, test } from "vitest";

import { CpuWatch } from "../process/cpu-time.ts";
import { beginOfWarm, measureProgress } from "./measure-progress.ts";

test("the warm window begins behind the warm-up (I1)", () => {
  expect(beginOfWarm({ firstMs: 1_000, toMs: 31_000, warmUpMs: 10_000 })).toBe(11_000);
});

test("of a run that is shorter than twice its warm-up it is the second half (I1)", () => {
  expect(beginOfWarm({ firstMs: 1_000, toMs: 3_000, warmUpMs: 2_000 })).toBe(2_000);
});

test("a run that is too short to be sampled is refused", () => {
  expect(() => beginOfWarm({ firstMs: 1_000, toMs: 1_900, warmUpMs: 2_000 })).toThrow(
    "all records were read within 900 ms",
  );
});

test("a run of which not every subtask has read something is refused (I2)", async () => {
  const samples = await mkdtemp(join(tmpdir(), "samples-"));
  await writeFile(join(samples, "source-0.samples"), "1000 0\n5000 400\n");
  await using watch = new CpuWatch([]);
  const run = { parallelism: 2, warmUpMs: 1_000 };
  await expect(measureProgress(samples, run, watch)).rejects.toThrow("1 of 2 subtasks");
  await rm(samples, { recursive: true });
});
