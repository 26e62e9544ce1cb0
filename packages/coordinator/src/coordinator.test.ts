import { parseJobGraph } from "@millrace/graph";
import { createNodeDigest } from "@millrace/platform";
import { expect, test } from "vitest";

import { testPlanJson } from "./test-kit/test-plan.ts";
import { TestWorld } from "./test-kit/test-world.ts";

function createWorld(): TestWorld {
  return new TestWorld(createNodeDigest());
}

test("a submitted job is deployed on the free slots, started, and checkpointed every interval", async () => {
  const world = createWorld();
  await world.startCoordinator();
  const a = world.addWorker("w1", { splitCount: 3 });
  const b = world.addWorker("w2", { splitCount: 3 });
  await world.run(100);
  const jobId = await world.submit();
  await world.run(21_000);
  expect(await world.describe(jobId)).toMatchObject({
    state: "running",
    attempt: 1,
    parallelism: 2,
    checkpointsCompleted: 2,
    head: { checkpointId: 2n, isHead: true },
  });
  expect([...a.splits, ...b.splits].toSorted()).toEqual(["split-0", "split-1", "split-2"]);
  expect(a.deployment?.placements).toHaveLength(4);
  expect(world.committed()).toEqual([1n, 2n]);
});

test("the same request again gives the same job, another request another job (F3)", async () => {
  const world = createWorld();
  await world.startCoordinator();
  const first = await world.submit();
  expect(await world.submit()).toBe(first);
  expect(await world.submit({ requestId: "request-2" })).not.toBe(first);
  expect(first).toMatch(/^word-count-[0-9a-f]{6}$/);
  const { jobs } = await world.call("ListJobs", {});
  expect(jobs).toHaveLength(2);
});

test("the same request at the same time makes one job", async () => {
  const world = createWorld();
  await world.startCoordinator();
  const [first, second] = await Promise.all([world.submit(), world.submit()]);
  expect(second).toBe(first);
  expect((await world.call("ListJobs", {})).jobs).toHaveLength(1);
});

test.each([
  ["bundle-invalid", { bundleSha256: "0".repeat(64) }, "submit it again"],
  ["bundle-too-large", { bundle: new Uint8Array(2_000) }, "the limit is 1000"],
  ["invalid-argument", { parallelism: 9 }, "max parallelism 8"],
  ["invalid-argument", { planJson: "{}" }, "plan"],
  ["invalid-argument", { requestId: "" }, "request id"],
] as const)("a bad submission is refused with %s and leaves no job", async (code, over, text) => {
  const world = createWorld();
  await world.startCoordinator({ maxBundleBytes: 1_000 });
  await expect(world.submit(over)).rejects.toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(text) }),
  );
  expect((await world.call("ListJobs", {})).jobs).toEqual([]);
});

test("more parallelism than slots waits, says so, and fails with no-slots when the wait is over", async () => {
  const world = createWorld();
  await world.startCoordinator({ slotWaitMs: 20_000 });
  world.addWorker("w1");
  await world.run(100);
  const jobId = await world.submit({ parallelism: 2 });
  await world.run(10_000);
  expect(await world.describe(jobId)).toMatchObject({
    state: "waiting-for-slots",
    detail: expect.stringContaining("needs 2 slots, 1 free"),
  });
  await world.run(11_000);
  expect(await world.describe(jobId)).toMatchObject({
    state: "failed",
    failure: { code: "no-slots", message: expect.stringContaining("needs 2 slots") },
  });
});

test("a job with two slot sharing groups takes a slot of each subtask for both, and waits for those", async () => {
  const world = createWorld();
  await world.startCoordinator();
  world.addWorker("w1", { slotCount: 3 });
  await world.run(100);
  const plan = parseJobGraph(testPlanJson());
  const [lines, counts] = plan.vertices;
  const vertices = [lines, { ...counts, slotSharingGroup: "heavy" }];
  const planJson = JSON.stringify({ ...plan, vertices });
  const jobId = await world.submit({ planJson, parallelism: 2 });
  await world.run(1_000);
  expect(await world.describe(jobId)).toMatchObject({
    state: "waiting-for-slots",
    detail: expect.stringContaining("needs 4 slots, 3 free"),
  });
  const worker = world.addWorker("w2", { slotCount: 1 });
  await world.run(1_000);
  expect((await world.describe(jobId)).state).toBe("running");
  const places = (worker.deployment?.placements ?? []).map(
    ({ workerId, slotIndex }) => `${workerId}:${slotIndex}`,
  );
  expect(new Set(places).size).toBe(4);
  // Where nobody says how many, as many as fit: one for each group.
  const open = await world.submit({ planJson, requestId: "request-2" });
  world.addWorker("w3", { slotCount: 3 });
  await world.run(1_000);
  expect(await world.describe(open)).toMatchObject({ state: "running", parallelism: 1 });
});

test("a job that waits for slots starts when a worker joins", async () => {
  const world = createWorld();
  await world.startCoordinator();
  world.addWorker("w1");
  await world.run(100);
  const jobId = await world.submit({ parallelism: 2 });
  await world.run(1_000);
  world.addWorker("w2");
  await world.run(1_000);
  expect((await world.describe(jobId)).state).toBe("running");
});

test("a worker runs one job at a time", async () => {
  const world = createWorld();
  await world.startCoordinator();
  world.addWorker("w1", { slotCount: 2 });
  await world.run(100);
  await world.submit({ parallelism: 1 });
  const second = await world.submit({ parallelism: 1, requestId: "request-2" });
  await world.run(1_000);
  expect((await world.describe(second)).state).toBe("waiting-for-slots");
});

test("a worker of another protocol version is refused, and told what to do", async () => {
  const world = createWorld();
  await world.startCoordinator();
  const worker = world.addWorker("w1", { protocolVersion: 99 });
  await world.run(100);
  expect(worker.received).toEqual([
    expect.objectContaining({
      kind: "refused",
      failure: expect.objectContaining({
        code: "version-skew",
        message: expect.stringContaining("install the same version"),
      }),
    }),
  ]);
  expect((await world.call("DescribeCluster", {})).workers).toEqual([]);
});

test("a newer process replaces a worker of the same id, which is told that it is stale", async () => {
  const world = createWorld();
  await world.startCoordinator();
  const old = world.addWorker("w1");
  await world.run(100);
  const jobId = await world.submit();
  await world.run(1_000);
  world.addWorker("w1", { incarnation: "second" });
  await world.run(1_000);
  expect(old.received.at(-1)).toMatchObject({ kind: "refused", failure: { code: "stale" } });
  expect(await world.describe(jobId)).toMatchObject({ state: "running", attempt: 2 });
});

test("logs tell the job's story, and a reader without news waits for them", async () => {
  const world = createWorld();
  await world.startCoordinator();
  world.addWorker("w1");
  await world.run(100);
  const jobId = await world.submit();
  await world.run(1_000);
  const texts = await world.logTexts(jobId);
  expect(texts).toEqual([
    "job created",
    "job deploying",
    "attempt 1 on w1, from the beginning",
    "job running",
  ]);
  const { leaderEpoch } = await world.call("DescribeCluster", {});
  const afterSequence = texts.length;
  const waiting = world.call("ReadLogs", { jobId, afterSequence, leaderEpoch, waitMs: 20_000 });
  await world.run(12_000);
  const { lines, lastSequence } = await waiting;
  expect(lines.map(({ text }) => text)).toEqual([expect.stringMatching(/^checkpoint 1 completed/)]);
  expect(lastSequence).toBe(texts.length + 1);
  // What another leader counted says nothing here: its lines must not hide ours.
  const other = await world.call("ReadLogs", {
    jobId,
    afterSequence,
    leaderEpoch: leaderEpoch - 1n,
    waitMs: 0,
  });
  expect(other.lines).toHaveLength(lastSequence);
});

test("unknown jobs and calls are named", async () => {
  const world = createWorld();
  await world.startCoordinator();
  const jobId = await world.submit();
  await expect(world.call("DescribeJob", { jobId: "x-1" as typeof jobId })).rejects.toThrow("x-1");
  const call = { method: "Dance", message: new Uint8Array(), deadlineMs: 1 };
  await expect(world.network.call("c:1", call)).rejects.toThrow("Dance");
});

test("metrics count what happened", async () => {
  const world = createWorld();
  const coordinator = await world.startCoordinator();
  world.addWorker("w1");
  await world.run(100);
  await world.submit();
  await world.run(21_000);
  expect(coordinator.readMetrics()).toMatchObject({
    isLeading: true,
    workerCount: 1,
    freeSlotCount: 0,
    jobCounts: { running: 1, failed: 0 },
    jobs: [{ checkpointsCompleted: 2, checkpointsFailed: 0, checkpointBytesTotal: 200 }],
  });
});

test("closing stops all timers and leaves the job to the next leader (L5, S6)", async () => {
  const world = createWorld();
  const coordinator = await world.startCoordinator();
  world.addWorker("w1");
  await world.run(100);
  await world.submit({ planJson: testPlanJson() });
  await world.run(5_000);
  await coordinator.close();
  await coordinator.close();
  expect(world.time.pendingCount()).toBe(0);
  const { entries } = await world.metadata.list("millrace/jobs/");
  expect(entries.some(({ key }) => key.endsWith("/record"))).toBe(true);
  expect(entries.some(({ key }) => key.endsWith("/result"))).toBe(false);
});

test("a port in use is found before a running leader is deposed", async () => {
  const world = createWorld();
  const first = await world.startCoordinator();
  await expect(world.startCoordinator()).rejects.toThrow(
    expect.objectContaining({ code: "port-in-use" }),
  );
  await world.run(5_000);
  expect(first.readMetrics().isLeading).toBe(true);
  expect(world.deposedCount).toBe(0);
});
