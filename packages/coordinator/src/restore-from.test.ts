import { parseCheckpointId, parseJobId } from "@millrace/core";
import { createNodeDigest } from "@millrace/platform";
import { expect, test } from "vitest";

import { maxParallelism, testPlanJson } from "./test-kit/test-plan.ts";
import { TestWorld } from "./test-kit/test-world.ts";

/** A job that was stopped with two checkpoints and a savepoint, and a free worker. */
async function worldWithStoppedJob() {
  const world = new TestWorld(createNodeDigest());
  await world.startCoordinator();
  world.addWorker("w1", { splitCount: 2 });
  await world.run(100);
  const origin = await world.submit();
  await world.run(21_000);
  await world.call("CancelJob", { jobId: origin });
  await world.run(1_000);
  const worker = world.addWorker("w2", { splitCount: 2, slotCount: 2 });
  await world.run(100);
  return { world, origin, worker };
}

const again = { requestId: "request-2" };

test("a job goes on from the latest checkpoint of one that has ended, at its own parallelism", async () => {
  const { world, origin, worker } = await worldWithStoppedJob();
  const jobId = await world.submit({
    ...again,
    parallelism: 2,
    restoreFrom: { jobId: origin, allowDroppedState: false },
  });
  await world.run(1_000);
  expect(await world.describe(jobId)).toMatchObject({ state: "running", parallelism: 2 });
  expect(worker.deployment?.restore?.checkpointId).toBe(2n);
  expect(worker.deployment?.placements).toHaveLength(4);
  expect(await world.logTexts(jobId)).toContainEqual(
    expect.stringMatching(new RegExp(`from checkpoint 2 of job ${origin}`)),
  );
});

test("its first checkpoint builds on nothing of the other job, under a higher id (S4, S10)", async () => {
  const { world, origin } = await worldWithStoppedJob();
  const restoreFrom = { jobId: origin, allowDroppedState: false };
  const jobId = await world.submit({ ...again, restoreFrom });
  await world.run(11_000);
  const manifests = world.events.flatMap((event) =>
    event.kind === "checkpoint-committed" && event.jobId === jobId ? [event.manifest] : [],
  );
  expect(manifests[0]?.checkpointId).toBe(3n);
  expect(manifests[0]?.base).toBeUndefined();
  expect(manifests[0]?.parent).toBeUndefined();
  const owners = manifests[0]?.segments.map(({ name }) => name.split("/")[1]);
  expect(new Set(owners)).toEqual(new Set([jobId]));
});

test("until it has a checkpoint of its own, every attempt restores the other job's", async () => {
  const { world, origin, worker } = await worldWithStoppedJob();
  const restoreFrom = { jobId: origin, allowDroppedState: false };
  await world.submit({ ...again, restoreFrom });
  await world.run(1_000);
  worker.kill();
  const spare = world.addWorker("w3", { splitCount: 2, slotCount: 2 });
  await world.run(2_000);
  expect(spare.deployment?.restore?.checkpointId).toBe(2n);
});

test("an older checkpoint that is retained may be named", async () => {
  const { world, origin, worker } = await worldWithStoppedJob();
  const checkpointId = parseCheckpointId(1n);
  const restoreFrom = { jobId: origin, checkpointId, allowDroppedState: false };
  await world.submit({ ...again, restoreFrom });
  await world.run(1_000);
  expect(worker.deployment?.restore?.checkpointId).toBe(1n);
});

test("what cannot be gone on from is refused with the reason", async () => {
  const { world, origin } = await worldWithStoppedJob();
  const submitFrom = (
    over: Partial<{ jobId: typeof origin; checkpointId: ReturnType<typeof parseCheckpointId> }>,
    planJson = testPlanJson(),
  ): Promise<unknown> =>
    world.submit({
      ...again,
      planJson,
      restoreFrom: { jobId: origin, allowDroppedState: false, ...over },
    });
  await expect(submitFrom({ jobId: parseJobId("nobody") })).rejects.toThrow("no job nobody");
  await expect(submitFrom({ checkpointId: parseCheckpointId(77n) })).rejects.toThrow(
    "has no checkpoint 77: it retains 1, 2",
  );
  const wider = testPlanJson({ maxParallelism: maxParallelism * 2 });
  await expect(submitFrom({}, wider)).rejects.toMatchObject({
    code: "state-incompatible",
    message: expect.stringContaining(`set maxParallelism: ${maxParallelism}`),
  });
  await expect(submitFrom({}, wider)).rejects.toThrow(/cannot go on from checkpoint 2 of job/);
});

test("an operator whose state lies otherwise than the checkpoint has it is refused at submission", async () => {
  const { world, origin } = await worldWithStoppedJob();
  const planJson = testPlanJson().replace('"kind":"reduce"', '"kind":"process"');
  const restoreFrom = { jobId: origin, allowDroppedState: true };
  await expect(world.submit({ ...again, planJson, restoreFrom })).rejects.toMatchObject({
    code: "state-incompatible",
    message: expect.stringMatching(
      /^job word-count cannot go on from checkpoint 2 of job .*: operator counts has the kind reduce in the checkpoint and process in the new job/,
    ),
  });
});

test("a job that still runs is not gone on from: both would give the same output", async () => {
  const world = new TestWorld(createNodeDigest());
  await world.startCoordinator();
  world.addWorker("w1");
  await world.run(100);
  const jobId = await world.submit();
  await world.run(11_000);
  const restoreFrom = { jobId, allowDroppedState: false };
  await expect(world.submit({ ...again, restoreFrom })).rejects.toThrow("has not ended");
});
