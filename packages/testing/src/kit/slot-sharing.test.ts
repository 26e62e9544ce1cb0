import { defineJob, elements } from "@millrace/api";
import { expect, test } from "vitest";

import { nowhere } from "../test-kit/nowhere.ts";
import { simulate } from "./simulate.ts";

const numbers = Array.from({ length: 200 }, (_, n) => n);

const job = defineJob("groups", (write) => {
  write
    .source("numbers", elements<number>([]))
    .map((n) => n + 1, { name: "heavy-map" })
    .slotSharingGroup("heavy")
    .keyBy((n) => n % 7)
    .sum("sums", (n) => n)
    .slotSharingGroup("light")
    .map(({ value }) => value, { name: "values" })
    .sink("out", nowhere, { slotSharingGroup: "heavy" });
});

function expectedSums(): readonly number[] {
  const sums = new Map<number, number>();
  return numbers.map((n) => {
    const sum = (sums.get((n + 1) % 7) ?? 0) + n + 1;
    sums.set((n + 1) % 7, sum);
    return sum;
  });
}

test("operators of several slot sharing groups give what they give in one, at any parallelism", async () => {
  for (const parallelism of [1, 2, 3]) {
    const options = { seed: `${parallelism}`, inputs: { numbers }, splits: 1, parallelism };
    const { outputs, violation } = await simulate(job, options);
    expect(violation).toBeUndefined();
    const sorted = [...(outputs["out"] ?? [])].map(Number).toSorted((x, y) => x - y);
    expect(sorted).toEqual(expectedSums().toSorted((x, y) => x - y));
  }
});

test("slot sharing groups survive faults and another parallelism", async () => {
  const options = { seed: "4", inputs: { numbers }, splits: 1, parallelism: 2, faults: true };
  const { outputs, violation } = await simulate(job, { ...options, restoreAt: 3 });
  expect(violation).toBeUndefined();
  expect(outputs["out"]).toHaveLength(numbers.length);
});
