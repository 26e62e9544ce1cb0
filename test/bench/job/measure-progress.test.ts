import { expect, test } from "vitest";

import { beginOfWarm } from "./measure-progress.ts";

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
