import type { FailureData } from "@millrace/core";
import { createNodeDigest } from "@millrace/platform";
import { expect, test } from "vitest";

import { testPlanJson } from "./test-kit/test-plan.ts";
import { TestWorld } from "./test-kit/test-world.ts";

function createWorld(): TestWorld {
  return new TestWorld(createNodeDigest());
}

const authorFailure: FailureData = {
  code: "user-function-failed",
  message: "x is not a function",
  domain: "user",
  location: { operator: "counts" },
};

test("a killed worker is noticed at once; the job goes on from the head when a slot is back (F1)", async () => {
  const world = createWorld();
  await world.startCoordinator();
  const a = world.addWorker("w1", { splitCount: 2 });
  const b = world.addWorker("w2", { splitCount: 2 });
  await world.run(100);
  const jobId = await world.submit();
  await world.run(11_000);
  b.kill();
  await world.time.advance(0);
  expect(await world.describe(jobId)).toMatchObject({ state: "waiting-for-slots", attempt: 1 });
  expect(a.countOf("cancel-attempt")).toBe(1);
  await world.run(2_000);
  world.addWorker("w2", { incarnation: "second", splitCount: 2 });
  await world.run(1_000);
  const description = await world.describe(jobId);
  expect(description).toMatchObject({ state: "running", attempt: 2 });
  expect(description.recoveries).toEqual([
    expect.objectContaining({
      attempt: 2,
      checkpointId: 1n,
      restoredBytes: 200,
      durationMs: 2_000,
      cause: expect.stringContaining("worker w2 was lost"),
    }),
  ]);
  expect(a.deployment?.restore?.checkpointId).toBe(1n);
  expect(world.attempts()).toEqual([
    [1, undefined],
    [2, 1n],
  ]);
  // Both splits were with readers at the barrier: none is assigned again.
  expect(a.splits.length + b.splits.length).toBe(2);
  expect(await world.logTexts(jobId)).toContainEqual(
    expect.stringMatching(/^recovered in 2000 ms from checkpoint 1, 200 B of state/),
  );
});

test("a silent worker is lost after the heartbeat timeout (F5)", async () => {
  const world = createWorld();
  await world.startCoordinator();
  const worker = world.addWorker("w1");
  await world.run(100);
  const jobId = await world.submit();
  await world.run(1_000);
  await world.time.advance(4_000);
  expect((await world.describe(jobId)).state).toBe("running");
  await world.time.advance(3_000);
  expect(await world.describe(jobId)).toMatchObject({
    state: "waiting-for-slots",
    failure: { code: "worker-lost", message: expect.stringContaining("silent") },
  });
  expect(worker.isClosed).toBe(true);
});

test("checkpoint ids grow over attempts, past all that may have been triggered (S10)", async () => {
  const world = createWorld();
  await world.startCoordinator();
  const worker = world.addWorker("w1");
  await world.run(100);
  await world.submit();
  await world.run(11_000);
  worker.isAcking = false;
  await world.run(10_000);
  worker.fail(authorFailure);
  worker.isAcking = true;
  await world.run(11_000);
  const triggered = world.events.flatMap((event) =>
    event.kind === "checkpoint-triggered" ? [event.checkpointId] : [],
  );
  expect(triggered).toEqual([1n, 2n, 12n]);
  expect(world.committed()).toEqual([1n, 12n]);
});

test("ids stay unique when many checkpoints fail in a row: the floor is raised", async () => {
  const world = createWorld();
  await world.startCoordinator();
  const worker = world.addWorker("w1");
  await world.run(100);
  const planJson = testPlanJson({
    checkpoint: { intervalMs: 1_000, timeoutMs: 600, minPauseMs: 0, retainedCount: 2 },
  });
  const jobId = await world.submit({ planJson });
  worker.isAcking = false;
  await world.run(25_000);
  const { checkpointsFailed, detail } = await world.describe(jobId);
  expect(checkpointsFailed).toBeGreaterThan(20);
  expect(detail).toMatch(
    /failed in a row, last checkpoint \d+: not complete after 600 ms: no answer from/,
  );
  worker.fail(authorFailure);
  worker.isAcking = true;
  await world.run(2_000);
  const ids = world.events.flatMap((event) =>
    event.kind === "checkpoint-triggered" ? [event.checkpointId] : [],
  );
  expect(ids).toEqual([...new Set(ids)].toSorted((x, y) => Number(x - y)));
  expect(world.committed().length).toBeGreaterThan(0);
});

test("a coordinator that starts again takes the jobs up from the metadata (F2, F4)", async () => {
  const world = createWorld();
  const first = await world.startCoordinator();
  const worker = world.addWorker("w1", { splitCount: 1 });
  await world.run(100);
  const jobId = await world.submit();
  await world.run(11_000);
  await first.close();
  const second = await world.startCoordinator();
  worker.reconnect();
  await world.run(1_000);
  const description = await world.describe(jobId);
  expect(description).toMatchObject({ state: "running", attempt: 2, parallelism: 1 });
  expect(description.recoveries).toEqual([
    expect.objectContaining({ checkpointId: 1n, cause: "the coordinator started again" }),
  ]);
  expect(worker.deployment?.ref.leaderEpoch).toBeGreaterThan(0n);
  await second.close();
});

test("failures of the author's code back off, and end the job at the limit with their cause (L6)", async () => {
  const world = createWorld();
  await world.startCoordinator();
  const worker = world.addWorker("w1");
  await world.run(100);
  const jobId = await world.submit();
  await world.run(1_000);
  for (let failures = 0; failures < 4; failures += 1) {
    worker.fail(authorFailure);
    await world.run(9_000);
  }
  expect(await world.describe(jobId)).toMatchObject({
    state: "failed",
    attempt: 4,
    failure: {
      code: "restart-limit",
      message: expect.stringContaining("x is not a function"),
      location: { operator: "counts" },
    },
  });
  expect(worker.countOf("cancel-attempt")).toBe(4);
});

test("the first restart after a failure is immediate, the second waits", async () => {
  const world = createWorld();
  await world.startCoordinator();
  const worker = world.addWorker("w1");
  await world.run(100);
  const jobId = await world.submit();
  await world.run(1_000);
  worker.fail(authorFailure);
  await world.time.advance(0);
  expect((await world.describe(jobId)).state).toBe("running");
  worker.fail(authorFailure);
  await world.time.advance(0);
  expect((await world.describe(jobId)).state).toBe("restarting");
  await world.run(1_000);
  expect((await world.describe(jobId)).state).toBe("running");
});

test("a corrupt segment ends the job loudly, and nothing older is restored (S7, F13)", async () => {
  const world = createWorld();
  await world.startCoordinator();
  const worker = world.addWorker("w1");
  await world.run(100);
  const jobId = await world.submit();
  await world.run(21_000);
  worker.fail({ code: "segment-corrupt", message: "segment s is corrupt", domain: "external" });
  await world.run(1_000);
  expect(await world.describe(jobId)).toMatchObject({
    state: "failed",
    attempt: 1,
    failure: { code: "segment-corrupt", message: "segment s is corrupt" },
  });
});

test("a corrupt manifest is read again, then ends the job, naming it (F13)", async () => {
  const world = createWorld();
  await world.startCoordinator();
  const worker = world.addWorker("w1");
  await world.run(100);
  const jobId = await world.submit();
  await world.run(11_000);
  const objects = await world.objects.list(`jobs/${jobId}/`);
  const names = objects.map(({ name }) => name).filter((name) => name.includes("manifest-"));
  await world.objects.remove(names);
  worker.fail(authorFailure);
  await world.run(5_000);
  expect(await world.describe(jobId)).toMatchObject({
    state: "failed",
    failure: { code: "manifest-corrupt", message: expect.stringContaining(names[0] ?? "?") },
  });
});

test("a worker lost while its attempt is raised leads to the next attempt", async () => {
  const world = createWorld();
  await world.startCoordinator();
  const worker = world.addWorker("w1");
  await world.run(100);
  const gate = Promise.withResolvers<void>();
  world.metadata.decideFault = ({ writes }) =>
    writes.some(({ key }) => key.endsWith("/attempt"))
      ? { kind: "held", until: gate.promise }
      : undefined;
  const jobId = await world.submit();
  await world.run(500);
  worker.kill();
  await world.run(500);
  world.metadata.decideFault = () => undefined;
  gate.resolve();
  await world.run(500);
  expect(await world.describe(jobId)).toMatchObject({ state: "waiting-for-slots", attempt: 1 });
  world.addWorker("w1", { incarnation: "second" });
  await world.run(500);
  expect(await world.describe(jobId)).toMatchObject({ state: "running", attempt: 2 });
});

test("messages of an older attempt are dropped and counted (S2)", async () => {
  const world = createWorld();
  const coordinator = await world.startCoordinator();
  const worker = world.addWorker("w1");
  await world.run(100);
  const jobId = await world.submit();
  await world.run(1_000);
  const ref = worker.deployment?.ref;
  worker.fail(authorFailure);
  await world.run(1_000);
  if (ref === undefined) throw new Error("nothing was deployed");
  const [subtaskId] = worker.ownSubtasks();
  if (subtaskId === undefined) throw new Error("nothing runs");
  const state = { kind: "failed", failure: authorFailure } as const;
  worker.send({ kind: "subtask-state", ref, subtaskId, state });
  await world.run(1_000);
  expect(await world.describe(jobId)).toMatchObject({ state: "running", attempt: 2 });
  expect(coordinator.readMetrics().staleMessageCount).toBe(1);
});

test("when a peer notices a lost worker first, the worker is named as the cause", async () => {
  const world = createWorld();
  await world.startCoordinator();
  const a = world.addWorker("w1");
  const b = world.addWorker("w2");
  await world.run(100);
  const jobId = await world.submit();
  await world.run(1_000);
  a.fail({ code: "channel-broken", message: "from w2", domain: "external" });
  await world.time.advance(0);
  b.kill();
  await world.run(1_000);
  world.addWorker("w2", { incarnation: "second" });
  await world.run(1_000);
  const { recoveries } = await world.describe(jobId);
  expect(recoveries.at(-1)?.cause).toContain("worker w2 was lost");
});

test("a session that never registers is ended", async () => {
  const world = createWorld();
  await world.startCoordinator();
  const session = world.network.openSession(world.address);
  let isClosed = false;
  session.setHandlers({
    onMessage: () => {},
    onClose: () => {
      isClosed = true;
    },
  });
  await world.run(6_000);
  expect(isClosed).toBe(true);
});
