import { expect, test } from "vitest";

import type { Fault } from "../sim/fault.ts";
import { shrinkFaults } from "./shrink-faults.ts";

const faults = [1, 2, 3, 4, 5, 6].map((atMs): Fault => ({ kind: "usurp", atMs }));
const times = (some: readonly Fault[]): readonly number[] => some.map(({ atMs }) => atMs);

test("only the faults stay without which nothing fails", async () => {
  const shrunk = await shrinkFaults(faults, async (fewer) =>
    [2, 5].every((atMs) => times(fewer).includes(atMs)),
  );
  expect(times(shrunk)).toEqual([2, 5]);
});

test("a fault that only another one made needful goes after it", async () => {
  // 3 does no harm but where 6 follows it; without 6, the run fails anyway.
  const shrunk = await shrinkFaults(
    faults,
    async (fewer) =>
      times(fewer).includes(1) && (!times(fewer).includes(2) || times(fewer).includes(6)),
  );
  expect(times(shrunk)).toEqual([1]);
});

test("a failure without faults shrinks to none", async () => {
  expect(await shrinkFaults(faults, async () => true)).toEqual([]);
});
