import type { MetadataTransaction } from "@millrace/metadata";
import { createNodeDigest } from "@millrace/platform";
import { expect, test } from "vitest";

import type { TransactionFault } from "./test-kit/faulty-metadata.ts";
import { testPlanJson } from "./test-kit/test-plan.ts";
import { TestWorld } from "./test-kit/test-world.ts";

function createWorld(): TestWorld {
  return new TestWorld(createNodeDigest());
}

function isCommit({ writes }: MetadataTransaction): boolean {
  return writes.some(({ key }) => key.endsWith("/head"));
}

/** Spoils the first commits with the faults, one each. */
function spoilCommits(world: TestWorld, faults: readonly TransactionFault[]): void {
  const left = [...faults];
  world.metadata.decideFault = (transaction) => (isCommit(transaction) ? left.shift() : undefined);
}

test.each([
  ["its response is lost", [{ kind: "lost-response" }]],
  ["its request is lost", [{ kind: "lost-request" }]],
  ["several are lost", [{ kind: "lost-request" }, { kind: "lost-response" }]],
  ["the store is away", [{ kind: "unavailable" }, { kind: "unavailable" }]],
] as const)("a commit becomes known and is told when %s (S3, F15, F17)", async (_name, faults) => {
  const world = createWorld();
  await world.startCoordinator();
  const worker = world.addWorker("w1");
  await world.run(100);
  const jobId = await world.submit();
  spoilCommits(world, faults);
  await world.run(22_000);
  expect(world.committed()).toEqual([1n, 2n]);
  expect(worker.countOf("checkpoint-completed")).toBe(2);
  expect(worker.countOf("checkpoint-aborted")).toBe(0);
  expect(await world.describe(jobId)).toMatchObject({ attempt: 1, checkpointsFailed: 0 });
});

test("a commit that was under way when its attempt ended is either head before the next restores, or refused", async () => {
  const world = createWorld();
  await world.startCoordinator();
  const worker = world.addWorker("w1");
  await world.run(100);
  const jobId = await world.submit();
  await world.run(11_000);
  const gate = Promise.withResolvers<void>();
  spoilCommits(world, [{ kind: "held", until: gate.promise }]);
  await world.run(10_000);
  worker.fail({ code: "source-failed", message: "gone", domain: "external" });
  await world.run(1_000);
  gate.resolve();
  await world.run(10_000);
  expect(world.attempts()).toEqual([
    [1, undefined],
    [2, 1n],
  ]);
  expect(world.committed()).toEqual([1n, 12n]);
  expect(await world.describe(jobId)).toMatchObject({ state: "running", attempt: 2 });
});

test("a deposed leader commits nothing, steps down, and leaves the job alone (S1, F6)", async () => {
  const world = createWorld();
  await world.startCoordinator();
  const worker = world.addWorker("w1");
  await world.run(100);
  const jobId = await world.submit();
  await world.run(9_000);
  world.address = "c:2";
  await world.startCoordinator();
  await world.run(3_000);
  expect(world.deposedCount).toBe(1);
  expect(world.committed()).toEqual([]);
  expect(worker.isClosed).toBe(true);
  world.addWorker("w2");
  await world.run(12_000);
  expect(await world.describe(jobId)).toMatchObject({ state: "running", attempt: 2 });
  expect(world.committed()).toEqual([11n]);
});

test("a leader that was paused over its fall cannot commit with its acks", async () => {
  const world = createWorld();
  await world.startCoordinator({ leaderCheckMs: 3_600_000 });
  const worker = world.addWorker("w1");
  await world.run(100);
  const jobId = await world.submit();
  await world.run(1_000);
  world.address = "c:2";
  await world.startCoordinator();
  await world.run(10_000);
  expect(world.committed()).toEqual([]);
  expect(worker.countOf("checkpoint-completed")).toBe(0);
  expect(world.deposedCount).toBe(1);
  expect(await world.describe(jobId)).toMatchObject({ state: "waiting-for-slots" });
});

test("the planted bug that takes an unknown outcome for a failure destroys a committed checkpoint", async () => {
  const world = createWorld();
  world.failpoints = ["unknown-taken-for-failed"];
  await world.startCoordinator();
  world.addWorker("w1");
  await world.run(100);
  const jobId = await world.submit();
  spoilCommits(world, [{ kind: "lost-response" }]);
  await world.run(11_000);
  const { entries } = await world.metadata.list("millrace/");
  expect(entries.some(({ key }) => key.endsWith("/head"))).toBe(true);
  expect(await world.objects.list(`jobs/${jobId}/`)).toEqual([]);
});

test("a checkpoint that is not acknowledged in time is aborted, and the next one tried", async () => {
  const world = createWorld();
  await world.startCoordinator();
  const worker = world.addWorker("w1");
  await world.run(100);
  const planJson = testPlanJson({
    checkpoint: { intervalMs: 10_000, timeoutMs: 5_000, minPauseMs: 500, retainedCount: 2 },
  });
  const jobId = await world.submit({ planJson });
  worker.isAcking = false;
  await world.run(16_000);
  expect(worker.countOf("checkpoint-aborted")).toBe(1);
  worker.isAcking = true;
  await world.run(6_000);
  expect(world.committed()).toEqual([2n]);
  expect(await world.describe(jobId)).toMatchObject({ checkpointsFailed: 1, detail: "" });
});

test("a declined checkpoint is aborted and the job goes on", async () => {
  const world = createWorld();
  await world.startCoordinator();
  const worker = world.addWorker("w1");
  await world.run(100);
  const jobId = await world.submit();
  worker.isAcking = false;
  await world.run(11_000);
  const ref = worker.deployment?.ref;
  const barrier = worker.received.findLast((message) => message.kind === "inject-barrier");
  if (ref === undefined || barrier === undefined) throw new Error("no barrier came");
  const failure = { code: "unavailable", message: "disk full", domain: "external" } as const;
  const { checkpointId } = barrier.barrier;
  worker.send({ kind: "decline", ref, checkpointId, failure });
  await world.run(500);
  expect(await world.describe(jobId)).toMatchObject({
    state: "running",
    checkpointsFailed: 1,
    detail: expect.stringContaining("disk full"),
  });
});

test("old checkpoints lose their pointer, then their objects, and head stays restorable (S4, L4)", async () => {
  const world = createWorld();
  await world.startCoordinator();
  const worker = world.addWorker("w1");
  await world.run(100);
  const jobId = await world.submit();
  await world.run(65_000);
  const { checkpoints } = await world.call("ListCheckpoints", { jobId });
  expect(checkpoints.map(({ checkpointId }) => checkpointId)).toEqual([6n, 5n]);
  await world.run(60_000);
  const names = (await world.objects.list(`jobs/${jobId}/`)).map(({ name }) => name);
  const manifests = names.filter((name) => name.includes("manifest"));
  expect(manifests.length).toBeLessThan(9);
  // The base of every chain is in the first segment: it stays as long as the head needs it.
  expect(names.some((name) => name.startsWith(`jobs/${jobId}/1/1/`))).toBe(true);
  worker.fail({ code: "source-failed", message: "gone", domain: "external" });
  await world.run(1_000);
  expect(await world.describe(jobId)).toMatchObject({ state: "running", attempt: 2 });
});

test("objects of an attempt that never committed are removed once it is over (L4)", async () => {
  const world = createWorld();
  await world.startCoordinator();
  const worker = world.addWorker("w1");
  await world.run(100);
  const jobId = await world.submit();
  await world.run(1_000);
  const ref = worker.deployment?.ref;
  if (ref === undefined) throw new Error("nothing was deployed");
  await world.objects.put(`jobs/${jobId}/1/1/w1-lost.segment`, [new Uint8Array(1)]);
  await world.run(60_000);
  const countLost = async (): Promise<number> =>
    (await world.objects.list(`jobs/${jobId}/`)).filter(({ name }) => name.includes("lost")).length;
  expect(await countLost()).toBe(0);
  await world.objects.put(`jobs/${jobId}/1/99/w1-lost.segment`, [new Uint8Array(1)]);
  await world.run(60_000);
  expect(await countLost()).toBe(1);
  worker.fail({ code: "source-failed", message: "gone", domain: "external" });
  await world.run(61_000);
  expect(await countLost()).toBe(0);
});
