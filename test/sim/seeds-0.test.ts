import { expect, test } from "vitest";

import { runSeeds } from "./seeds.ts";

test("seeds 0 to 99 hold every invariant", { timeout: 600_000 }, async () => {
  expect(await runSeeds(0, 100)).toEqual([]);
});
