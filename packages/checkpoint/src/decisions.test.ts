import { parseAttempt, parseCheckpointId, parseJobId, type CheckpointId } from "@millrace/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { commitTransaction } from "./commit.ts";
import {
  encodeCommittedCheckpoint,
  parseCommittedCheckpoint,
  type CommittedCheckpoint,
} from "./committed-checkpoint.ts";
import { decideGarbage, type LiveSetFacts } from "./live-set.ts";
import type { Manifest } from "./manifest.ts";
import { decideRetention } from "./retention.ts";
import { decideTrigger, type TriggerFacts } from "./trigger-policy.ts";

const committed: CommittedCheckpoint = {
  checkpointId: parseCheckpointId(2n ** 60n),
  kind: "checkpoint",
  attempt: parseAttempt(2),
  nonce: "n",
  manifestName: "jobs/job-1/2/7/manifest-n.json",
  manifestSha256: "a".repeat(64),
  completedAtMs: 1,
  durationMs: 2,
  newBytes: 3,
  totalBytes: 4,
};

describe("the trigger policy", () => {
  const settings = { intervalMs: 10_000, minPauseMs: 500 };
  const facts: TriggerFacts = { isInFlight: false, lastTriggeredAtMs: 1_000, isSuspended: false };

  test.each<readonly [string, Partial<TriggerFacts>, number, unknown]>([
    ["waits for the interval", {}, 5_000, { kind: "wait", untilMs: 11_000 }],
    ["triggers after the interval", {}, 11_000, { kind: "trigger", checkpointKind: "checkpoint" }],
    ["has one in flight", { isInFlight: true }, 99_000, { kind: "idle" }],
    ["is suspended", { isSuspended: true, requested: "final" }, 99_000, { kind: "idle" }],
    [
      "pauses after a long one",
      { lastEndedAtMs: 10_900 },
      11_000,
      { kind: "wait", untilMs: 11_400 },
    ],
    [
      "does not wait with a requested one",
      { requested: "savepoint" },
      1_000,
      { kind: "trigger", checkpointKind: "savepoint" },
    ],
    [
      "but pauses before it is tried again",
      { requested: "final", lastEndedAtMs: 1_000 },
      1_100,
      { kind: "wait", untilMs: 1_500 },
    ],
  ])("%s", (_name, over, nowMs, decision) => {
    expect(decideTrigger({ ...facts, ...over }, settings, nowMs)).toEqual(decision);
  });
});

describe("retention", () => {
  const id = fc.bigInt({ min: 1n, max: 30n }).map((value) => parseCheckpointId(value));
  const checkpoint = fc.record({
    checkpointId: id,
    kind: fc.constantFrom("checkpoint" as const, "savepoint" as const, "final" as const),
  });

  test("keeps the newest, every savepoint and what is pinned; all else goes, oldest first", () => {
    const checkpointSets = fc.uniqueArray(checkpoint, { selector: (c) => c.checkpointId });
    const counts = fc.integer({ min: 0, max: 5 });
    fc.assert(
      fc.property(checkpointSets, counts, fc.array(id), (checkpoints, retainedCount, pins) => {
        const pinned = new Set<CheckpointId>(pins);
        const dropped = decideRetention({ checkpoints, retainedCount, pinned });
        const ordinary = checkpoints.filter(({ kind }) => kind !== "savepoint");
        for (const { checkpointId, kind } of checkpoints) {
          const newerCount = ordinary.filter((c) => c.checkpointId > checkpointId).length;
          const isKept =
            kind === "savepoint" ||
            pinned.has(checkpointId) ||
            newerCount < Math.max(1, retainedCount);
          expect(dropped.includes(checkpointId)).toBe(!isKept);
        }
        expect(dropped).toEqual([...dropped].toSorted((x, y) => (x < y ? -1 : 1)));
      }),
    );
  });
});

describe("garbage", () => {
  const jobId = parseJobId("job-1");
  const manifestName = "jobs/job-1/2/7/manifest-n.json";
  const manifest = {
    segments: [{ name: "jobs/job-1/1/3/w-x.segment" }],
  } as unknown as Manifest;
  const facts: LiveSetFacts = {
    jobId,
    attempt: parseAttempt(3),
    head: { attempt: parseAttempt(3), checkpointId: parseCheckpointId(17n) },
    isEnded: false,
    retained: [{ manifestName, manifest }],
  };

  test.each([
    ["jobs/job-1/1/3/w-x.segment", false, "referenced"],
    [manifestName, false, "a retained manifest"],
    ["jobs/job-1/1/3/w-y.segment", true, "of an attempt that is over"],
    ["jobs/job-1/3/17/w-y.segment", true, "of the head's checkpoint, but not in it"],
    ["jobs/job-1/3/18/w-y.segment", false, "newer than the head: in flight"],
    ["jobs/job-1/4/9/w-y.segment", false, "of a newer attempt than is known"],
    ["jobs/job-2/1/1/w-y.segment", false, "of another job"],
    ["bundles/x.mjs", false, "not named by a checkpoint"],
  ])("%s: removed is %s, it is %s", (name, isRemoved) => {
    expect(decideGarbage(facts, [name])).toEqual(isRemoved ? [name] : []);
  });

  test("of an ended job everything goes that is not retained", () => {
    const names = ["jobs/job-1/3/18/w-y.segment", manifestName];
    expect(decideGarbage({ ...facts, isEnded: true }, names)).toEqual([names[0]]);
  });

  test("without a head only older attempts are settled", () => {
    const { head: _head, ...early } = facts;
    const names = ["jobs/job-1/3/1/w.segment", "jobs/job-1/2/1/w.segment"];
    expect(decideGarbage({ ...early, retained: [] }, names)).toEqual([names[1]]);
  });

  test("what may go stays removable as the job goes on: an old view is harmless (S4b)", () => {
    const numbers = fc.integer({ min: 1, max: 6 });
    fc.assert(
      fc.property(numbers, numbers, numbers, numbers, (attempt, id, laterAttempt, laterId) => {
        fc.pre(laterAttempt === attempt ? laterId >= id : laterAttempt > attempt && laterId > id);
        const name = (ofAttempt: number, ofId: number): string =>
          `jobs/job-1/${ofAttempt}/${ofId}/w.segment`;
        const view = (number: number, headId: number): LiveSetFacts => ({
          jobId,
          attempt: parseAttempt(number),
          head: { attempt: parseAttempt(number), checkpointId: parseCheckpointId(BigInt(headId)) },
          isEnded: false,
          retained: [],
        });
        const all = [1, 2, 3, 4, 5, 6].flatMap((x) => [1, 2, 3, 4, 5, 6].map((y) => name(x, y)));
        const later = decideGarbage(view(laterAttempt, laterId), all);
        const earlier = decideGarbage(view(attempt, id), all);
        expect(earlier.filter((garbage) => !later.includes(garbage))).toEqual([]);
      }),
    );
  });
});

describe("the commit", () => {
  const fence = { key: "election", target: "createRevision", equals: 5n } as const;
  const transaction = commitTransaction({
    checkpoint: committed,
    fence,
    attemptKey: "attempt",
    attemptRevision: 6n,
    headKey: "head",
    headRevision: 0n,
    checkpointKey: "checkpoints/7",
    pinKey: "pins/2",
  });

  test("compares leader, attempt and head, and moves the head (S1)", () => {
    expect(transaction.compares).toEqual([
      fence,
      { key: "attempt", target: "modRevision", equals: 6n },
      { key: "head", target: "modRevision", equals: 0n },
    ]);
    const value = encodeCommittedCheckpoint(committed);
    expect(transaction.writes).toEqual([
      { kind: "put", key: "head", value },
      { kind: "put", key: "checkpoints/7", value },
      { kind: "delete", key: "pins/2" },
    ]);
  });

  test("its pointer is read back whole, and refused if it is none", () => {
    const read = parseCommittedCheckpoint(encodeCommittedCheckpoint(committed));
    expect(read).toEqual(committed);
    expect(() => parseCommittedCheckpoint("{}")).toThrow(
      expect.objectContaining({ code: "manifest-corrupt" }),
    );
  });
});
