import type { FailureData } from "@millrace/core";
import { expect, test } from "vitest";

import { decideRestart, noFailures, type RestartSettings } from "./restart-policy.ts";

const settings: RestartSettings = {
  maxFailures: 3,
  backoff: { initialMs: 1_000, maxMs: 5_000, factor: 2 },
};

function failure(code: FailureData["code"], domain: FailureData["domain"]): FailureData {
  return { code, domain, message: "it broke" };
}

/** The delays of the restarts until it gives up, at most `limit` of them. */
function delaysOf(cause: FailureData, limit: number): readonly (number | string)[] {
  const delays: (number | string)[] = [];
  let counts = noFailures;
  for (let restarts = 0; restarts < limit; restarts += 1) {
    const decision = decideRestart(counts, cause, settings, 1);
    if (decision.kind === "give-up") return [...delays, decision.failure.code];
    delays.push(decision.delayMs);
    counts = decision.counts;
  }
  return delays;
}

test.each([
  [
    "the author's code counts",
    failure("user-function-failed", "user"),
    [0, 1_000, 2_000, "restart-limit"],
  ],
  ["a bug of ours counts", failure("internal", "internal"), [0, 1_000, 2_000, "restart-limit"]],
  [
    "what is outside only waits",
    failure("sink-failed", "external"),
    [0, 1_000, 2_000, 4_000, 5_000, 5_000],
  ],
  [
    "a store that is away only waits",
    failure("unavailable", "internal"),
    [0, 1_000, 2_000, 4_000, 5_000, 5_000],
  ],
  [
    "a lost worker neither counts nor waits",
    failure("worker-lost", "external"),
    [0, 0, 0, 0, 0, 0],
  ],
  [
    "an unreadable input has three tries",
    failure("input-unreadable", "user"),
    [0, 1_000, "input-unreadable"],
  ],
  ["a missing input has one", failure("input-not-found", "user"), ["input-not-found"]],
  ["a corrupt segment has one", failure("segment-corrupt", "external"), ["segment-corrupt"]],
  ["another plan has one", failure("plan-mismatch", "user"), ["plan-mismatch"]],
] as const)("%s", (_name, cause, delays) => {
  expect(delaysOf(cause, 6)).toEqual(delays);
});

test("jitter takes up to half of the delay", () => {
  const counts = { counted: 1, spaced: 1, lasting: 0 };
  const decision = decideRestart(counts, failure("sink-failed", "external"), settings, 0);
  expect(decision).toMatchObject({ kind: "restart", delayMs: 500 });
});
