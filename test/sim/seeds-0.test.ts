import { test } from "vitest";

import { expectSeedsToHold } from "./seeds.ts";

test("seeds 0 to 99 hold every invariant", { timeout: 300_000 }, async () => {
  await expectSeedsToHold(0, 100);
});
