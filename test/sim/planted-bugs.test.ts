import { failpointNames, type FailpointName } from "@millrace/core";
import { runSeed, type Fault, type SimProfile } from "@millrace/testing";
import { expect, test } from "vitest";

interface Planted {
  readonly profile: SimProfile;
  /** A seed that finds it. Any change of timing may move it, so the next ones are tried as well. */
  readonly seed: number;
  /** The invariant that it breaks. */
  readonly broken: RegExp;
  /** In place of what the seed draws: where what it takes is too rare. */
  readonly faults?: readonly Fault[];
}

/** What is sent to the first worker comes after what the others, who heard of it earlier, have done. */
const farWorker: readonly Fault[] = [{ kind: "far-worker", atMs: 0, worker: 0, latencyMs: 100 }];

/** A slow metadata store under a worker whose slots die again and again. */
const slowAndDying: readonly Fault[] = [
  { kind: "slow-store", store: "metadata", atMs: 500, maxLatencyMs: 700, lastMs: 20_000 },
  ...[2, 4, 6, 8, 10, 12].map((second): Fault => {
    return { kind: "kill-slot", atMs: second * 1_000 + 37, worker: 0 };
  }),
];

/** Storms of refused puts, one after the other. */
const storms: readonly Fault[] = [1, 4, 7, 10, 13].map((second) => {
  return { kind: "failing-puts", atMs: second * 1_000, chance: 0.9, lastMs: 2_500 };
});

const bugs: Readonly<Record<FailpointName, Planted>> = {
  "ack-before-durable": { profile: "embedded", seed: 4, broken: /S4, S5/ },
  "attempt-reused-by-new-leader": { profile: "cluster", seed: 4, broken: /L3/ },
  "combiner-not-flushed-at-barrier": { profile: "embedded", seed: 1, broken: /S13/ },
  "commit-before-manifest": { profile: "cluster", seed: 0, broken: /S4/ },
  "commit-without-fence": { profile: "cluster", seed: 2, broken: /S1/ },
  "completion-of-older-attempt-accepted": { profile: "cluster", seed: 15, broken: /S2/ },
  "corrupt-read-not-repeated": { profile: "cluster", seed: 10, broken: /L6/ },
  "early-messages-dropped": { profile: "embedded", seed: 0, broken: /L3/, faults: farWorker },
  "election-trusts-watch": { profile: "cluster", seed: 7, broken: /L2/ },
  "failed-put-acked": { profile: "cluster", seed: 7, broken: /S4, S5/, faults: storms },
  "gc-deletes-in-flight": { profile: "cluster", seed: 1, broken: /S4/ },
  "gc-from-cached-view": { profile: "embedded", seed: 0, broken: /S4/ },
  "lease-deadline-ignored": { profile: "cluster", seed: 1, broken: /L2/ },
  "lease-in-wrong-unit": { profile: "cluster", seed: 0, broken: /L2/ },
  "manifest-not-verified": { profile: "cluster", seed: 62, broken: /S4|L6/ },
  "new-commit-id-on-recommit": { profile: "embedded", seed: 2, broken: /S13/ },
  "no-alignment": { profile: "embedded", seed: 1, broken: /S13/ },
  "no-attempt-check": { profile: "embedded", seed: 3, broken: /S1|S2/ },
  "objects-removed-before-pointer": { profile: "cluster", seed: 0, broken: /S4/ },
  "publish-before-commit": { profile: "embedded", seed: 0, broken: /S13/ },
  "raise-ignores-head": { profile: "cluster", seed: 32, broken: /S7/, faults: slowAndDying },
  "requests-not-restored": { profile: "embedded", seed: 0, broken: /S13/ },
  "restore-older-than-head": { profile: "embedded", seed: 1, broken: /S7/ },
  "split-assigned-twice": { profile: "embedded", seed: 0, broken: /S9/ },
  "split-lost-on-restore": { profile: "embedded", seed: 1, broken: /S13/ },
  "step-down-wipes-objects": { profile: "cluster", seed: 1, broken: /S4/ },
  "timers-not-restored": { profile: "embedded", seed: 5, broken: /S13/ },
  "unknown-taken-for-failed": { profile: "embedded", seed: 3, broken: /S4b/ },
  "watermark-regresses": { profile: "embedded", seed: 8, broken: /S13/ },
  "wrong-bytes-accepted": { profile: "cluster", seed: 10, broken: /L6/ },
};

const triedSeeds = 40;

/** Returns the first of the tried seeds that the planted bug breaks, and what it is without the bug. */
async function findFirst(failpoint: FailpointName) {
  const { broken: _broken, seed: first, ...options } = bugs[failpoint];
  for (let number = first; number < first + triedSeeds; number += 1) {
    const seed = String(number);
    const { violation } = await runSeed({ ...options, seed, failpoint });
    if (violation === undefined) continue;
    return { number, violation, honest: (await runSeed({ ...options, seed })).violation };
  }
  return undefined;
}

test.each(failpointNames)("%s is found", { timeout: 120_000 }, async (failpoint) => {
  const { broken, seed } = bugs[failpoint];
  const found = await findFirst(failpoint);
  expect(found?.violation).toMatch(broken);
  expect(found?.honest).toBeUndefined();
  if (found?.number !== seed) process.stdout.write(`${failpoint}: seed ${found?.number}\n`);
});
