import type { FailpointName } from "@millrace/core";
import { runSeed } from "@millrace/testing";
import { expect, test } from "vitest";

/** Each planted bug with the first seed that finds it and the invariant that it breaks. */
test.each<[FailpointName, string, RegExp]>([
  ["ack-before-durable", "4", /^at .*S4, S5/],
  ["commit-without-fence", "2", /S1/],
  ["early-messages-dropped", "28", /L3/],
  ["gc-deletes-in-flight", "4", /S4/],
  ["gc-from-cached-view", "0", /S4/],
  ["new-commit-id-on-recommit", "2", /S13/],
  ["no-alignment", "0", /S13/],
  ["no-attempt-check", "3", /S1/],
  ["publish-before-commit", "0", /S13/],
  ["restore-older-than-head", "1", /S7/],
  ["split-assigned-twice", "0", /S9/],
  ["split-lost-on-restore", "1", /S13/],
  ["timers-not-restored", "5", /S13/],
  ["unknown-taken-for-failed", "2", /S4b/],
  ["watermark-regresses", "0", /S13/],
])("%s is found, at seed %s", async (failpoint, seed, invariant) => {
  const report = await runSeed({ seed, profile: "embedded", failpoint });
  expect(report.violation).toMatch(invariant);
  expect((await runSeed({ seed, profile: "embedded" })).violation).toBeUndefined();
});
