import { createNodeDigest } from "@millrace/platform";
import { expect, test } from "vitest";

import { TestWorld } from "./test-kit/test-world.ts";

function createWorld(): TestWorld {
  return new TestWorld(createNodeDigest());
}

test("a bounded job finishes after its final checkpoint was committed and published", async () => {
  const world = createWorld();
  await world.startCoordinator();
  const worker = world.addWorker("w1", { splitCount: 2, isBounded: true });
  worker.isPublishing = false;
  await world.run(100);
  const jobId = await world.submit();
  await world.run(2_000);
  expect(await world.describe(jobId)).toMatchObject({
    state: "finishing",
    head: { kind: "final" },
    detail: "waits for the sinks to publish checkpoint 1",
  });
  const completed = worker.received.find((message) => message.kind === "checkpoint-completed");
  if (completed === undefined) throw new Error("nothing was committed");
  const { ref, checkpointId } = completed;
  worker.send({ kind: "published", ref, checkpointId });
  await world.run(500);
  expect(await world.describe(jobId)).toMatchObject({ state: "finished" });
  expect(worker.countOf("cancel-attempt")).toBe(1);
  expect((await world.call("DescribeCluster", {})).workers).toMatchObject([{ freeSlotCount: 1 }]);
});

test("a coordinator lost between the final commit and FINISHED: the job publishes again and finishes", async () => {
  const world = createWorld();
  const first = await world.startCoordinator();
  const worker = world.addWorker("w1", { splitCount: 2, isBounded: true });
  worker.isPublishing = false;
  await world.run(100);
  const jobId = await world.submit();
  await world.run(2_000);
  await first.close();
  worker.isPublishing = true;
  await world.startCoordinator();
  worker.reconnect();
  await world.run(2_000);
  expect(await world.describe(jobId)).toMatchObject({ state: "finished", attempt: 2 });
  expect(world.committed()).toEqual([1n, 12n]);
});

test("a final checkpoint that fails is tried again", async () => {
  const world = createWorld();
  await world.startCoordinator();
  const worker = world.addWorker("w1", { splitCount: 1, isBounded: true });
  worker.isAcking = false;
  await world.run(100);
  const jobId = await world.submit();
  await world.run(1_000);
  const injected = worker.received.find((message) => message.kind === "inject-barrier");
  if (injected === undefined) throw new Error("no barrier came");
  worker.isAcking = true;
  const failure = { code: "unavailable", message: "no", domain: "external" } as const;
  const { ref, barrier } = injected;
  worker.send({ kind: "decline", ref, checkpointId: barrier.checkpointId, failure });
  await world.run(1_000);
  expect(await world.describe(jobId)).toMatchObject({ state: "finished" });
  expect(world.committed()).toEqual([2n]);
});

test.each([false, true])(
  "stop (drain: %s) ends with a full savepoint and STOPPED",
  async (isDrain) => {
    const world = createWorld();
    await world.startCoordinator();
    const worker = world.addWorker("w1", { splitCount: 1 });
    await world.run(100);
    const jobId = await world.submit();
    await world.run(11_000);
    await world.call("StopJob", { jobId, isDrain });
    await world.run(1_000);
    expect(worker.received).toContainEqual(
      expect.objectContaining({ kind: "stop-sources", isDrain }),
    );
    expect(worker.received.findLast((m) => m.kind === "inject-barrier")).toMatchObject({
      barrier: { checkpointId: 2n, mode: "full" },
    });
    expect(await world.describe(jobId)).toMatchObject({
      state: "stopped",
      head: { kind: "savepoint", checkpointId: 2n },
    });
    await world.call("StopJob", { jobId, isDrain });
  },
);

test("a stop that was asked for survives the loss of worker and coordinator", async () => {
  const world = createWorld();
  const first = await world.startCoordinator();
  const worker = world.addWorker("w1", { splitCount: 1 });
  worker.isAcking = false;
  await world.run(100);
  const jobId = await world.submit();
  await world.run(1_000);
  await world.call("StopJob", { jobId, isDrain: false });
  await world.run(1_000);
  worker.kill();
  await first.close();
  await world.startCoordinator();
  world.addWorker("w1", { incarnation: "second", splitCount: 1 });
  await world.run(2_000);
  expect(await world.describe(jobId)).toMatchObject({ state: "stopped", attempt: 2 });
});

test("cancel ends a running job, and one that waits for slots", async () => {
  const world = createWorld();
  await world.startCoordinator();
  const worker = world.addWorker("w1");
  await world.run(100);
  const running = await world.submit();
  const waiting = await world.submit({ requestId: "request-2", parallelism: 4 });
  await world.run(1_000);
  await world.call("CancelJob", { jobId: running });
  await world.call("CancelJob", { jobId: waiting });
  await world.run(1_000);
  expect((await world.describe(running)).state).toBe("cancelled");
  expect((await world.describe(waiting)).state).toBe("cancelled");
  expect(worker.countOf("cancel-attempt")).toBe(1);
  await world.call("CancelJob", { jobId: running });
  await expect(world.call("StopJob", { jobId: running, isDrain: false })).rejects.toThrow(
    "already been cancelled",
  );
});

test("a cancel whose recording is unknown is known in the end, and holds after a restart", async () => {
  const world = createWorld();
  const first = await world.startCoordinator();
  world.addWorker("w1");
  await world.run(100);
  const jobId = await world.submit();
  await world.run(1_000);
  let spoiled = 0;
  world.metadata.decideFault = ({ writes }) => {
    const isGoal = writes.some(({ key }) => key.endsWith("/state"));
    if (writes.some(({ key }) => key.endsWith("/result"))) return { kind: "unavailable" };
    if (!isGoal || spoiled > 0) return undefined;
    spoiled += 1;
    return { kind: "lost-response" };
  };
  await world.call("CancelJob", { jobId });
  await world.run(1_000);
  await first.close();
  world.metadata.decideFault = () => undefined;
  await world.startCoordinator();
  await world.run(1_000);
  expect(await world.describe(jobId)).toMatchObject({ state: "cancelled", attempt: 1 });
});

test("ended jobs stay listed after a restart of the coordinator", async () => {
  const world = createWorld();
  const first = await world.startCoordinator();
  const jobId = await world.submit();
  await world.call("CancelJob", { jobId });
  await world.run(1_000);
  await first.close();
  await world.startCoordinator();
  const { jobs } = await world.call("ListJobs", {});
  expect(jobs).toMatchObject([{ jobId, state: "cancelled", endedAtMs: expect.any(Number) }]);
});
