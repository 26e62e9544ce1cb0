import { expect, test } from "vitest";

import { findMismatch, type RestoringPlan } from "./find-mismatch.ts";
import type { Manifest } from "./manifest.ts";
import { manifestOf } from "./test-manifest.ts";

/** A checkpoint with state of these operators. */
function storedOf(operators: Readonly<Record<string, "keyed" | "list">>): Manifest {
  return manifestOf({
    chains: Object.entries(operators).map(([operator, kind]) => ({
      operator,
      kind,
      groupStart: 0,
      groupEnd: kind === "keyed" ? 127 : 0,
      segments: [],
    })),
  });
}

function planOf(
  operators: Readonly<Record<string, "keyed" | "list" | "stateless">>,
  over: Partial<RestoringPlan> = {},
): RestoringPlan {
  return {
    maxParallelism: 128,
    operators: Object.entries(operators).map(([name, kind]) => ({
      name,
      isKeyed: kind === "keyed",
      hasState: kind !== "stateless",
    })),
    allowDroppedState: false,
    ...over,
  };
}

test("a job with the operators of the checkpoint, and more, can go on from it", () => {
  const manifest = storedOf({ counts: "keyed", board: "list" });
  const plan = planOf({ counts: "keyed", board: "list", added: "keyed", double: "stateless" });
  expect(findMismatch(manifest, plan)).toBeUndefined();
});

test("operators without state may come, go and change their names", () => {
  const manifest = storedOf({ counts: "keyed" });
  for (const others of [
    {},
    { double: "stateless" },
    { twice: "stateless", odd: "stateless" },
  ] as const) {
    expect(findMismatch(manifest, planOf({ counts: "keyed", ...others }))).toBeUndefined();
  }
});

test("state whose operator is gone is refused by name, unless it may be left behind", () => {
  const manifest = storedOf({ counts: "keyed", sums: "keyed", board: "list" });
  const operators = { counts: "keyed", board: "stateless" } as const;
  expect(findMismatch(manifest, planOf(operators))).toMatch(
    /^it has state of sums, board, .*--allow-dropped-state/,
  );
  expect(findMismatch(manifest, planOf(operators, { allowDroppedState: true }))).toBeUndefined();
});

test("another number of key groups is refused with both numbers, whatever else is allowed", () => {
  const plan = planOf({ counts: "keyed" }, { maxParallelism: 256, allowDroppedState: true });
  expect(findMismatch(storedOf({ counts: "keyed" }), plan)).toMatch(
    /128 key groups and those of the new job in 256: set maxParallelism: 128/,
  );
});

test("state by key does not go to an operator of the same name that is not keyed", () => {
  const manifest = storedOf({ counts: "keyed" });
  expect(findMismatch(manifest, planOf({ counts: "list" }))).toMatch(/^operator counts has state/);
});
