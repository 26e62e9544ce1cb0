import { simulate } from "millrace/testing";
import { expect, test } from "vitest";

import bufferingSink from "./buffering-sink.ts";
import countingMap from "./counting-map.ts";

const letters = Array.from({ length: 200 }, (_, index) => `letter ${index}`);

test("counts of two subtasks go on as one count in a single one", async () => {
  const options = { inputs: { letters }, parallelism: 2, restoreAt: 1 };
  for (const seed of ["1", "2", "3", "4"]) {
    const { outputs, violation } = await simulate(countingMap, { seed, ...options });
    expect(violation).toBeUndefined();
    const counted = (outputs["counted"] ?? []) as readonly { readonly count: number }[];
    expect(counted).toHaveLength(200);
    expect(Math.max(...counted.map(({ count }) => count))).toBe(200);
  }
});

test("no record that waits for its batch is lost or doubled, by kills or at another parallelism", async () => {
  for (const seed of ["1", "2", "3", "4", "5"]) {
    const options = { inputs: { letters }, parallelism: 3, restoreAt: 2, faults: true };
    const { outputs, violation } = await simulate(bufferingSink, { seed, ...options });
    expect(violation).toBeUndefined();
    const batches = (outputs["batches"] ?? []) as readonly (readonly string[])[];
    expect(batches.flat().toSorted()).toEqual(letters.toSorted());
    expect(batches.filter((batch) => batch.length === 2).length).toBeGreaterThan(90);
  }
});
