import { createMemoryMetadataStore } from "@millrace/metadata";
import { createNodeDigest } from "@millrace/platform";
import { expect, test } from "vitest";

import { TestWorld } from "./test-kit/test-world.ts";

const leaseMs = 5_000;
const first = { address: "c:1", leaseMs };
const second = { address: "c:2", leaseMs };

/** A world whose metadata store has leases, as etcd has. */
function createWorld(): TestWorld {
  return new TestWorld(createNodeDigest(), (clock) => createMemoryMetadataStore({ clock }));
}

test("a second coordinator stands by, and says where the leader is", async () => {
  const world = createWorld();
  const leader = await world.startCoordinator(first);
  const standby = await world.startCoordinator(second);
  expect([leader.role(), standby.role()]).toEqual(["leading", "standby"]);
  world.address = "c:2";
  await expect(world.submit()).rejects.toMatchObject({
    code: "unavailable",
    message: expect.stringContaining("the leader is c:1"),
  });
  const worker = world.addWorker("w1");
  await world.run(1_000);
  expect(worker.received).toMatchObject([{ kind: "refused", failure: { code: "unavailable" } }]);
});

test("a leader that closes makes way at once; the job goes on under the next attempt (F2)", async () => {
  const world = createWorld();
  const leader = await world.startCoordinator(first);
  const standby = await world.startCoordinator(second);
  world.addWorker("w1", { splitCount: 1 });
  await world.run(100);
  const jobId = await world.submit();
  await world.run(21_000);
  await leader.close();
  await world.run(500);
  expect(standby.role()).toBe("leading");
  world.address = "c:2";
  world.addWorker("w1", { splitCount: 1 });
  await world.run(1_000);
  expect(await world.describe(jobId)).toMatchObject({ state: "running", attempt: 2 });
  expect(world.attempts()).toEqual([
    [1, undefined],
    [2, world.committed().at(-1)],
  ]);
});

test("a worker that drains hands over by a checkpoint and gets nothing new (F31)", async () => {
  const world = createWorld();
  await world.startCoordinator(first);
  const leaving = world.addWorker("w1", { splitCount: 1 });
  await world.run(100);
  const jobId = await world.submit({ parallelism: 1 });
  await world.run(1_000);
  expect(await world.describe(jobId)).toMatchObject({ state: "running", attempt: 1 });
  world.addWorker("w2", { splitCount: 1 });
  leaving.send({ kind: "draining" });
  await world.run(1_000);
  expect(await world.describe(jobId)).toMatchObject({ state: "running", attempt: 2 });
  expect(world.attempts()).toEqual([
    [1, undefined],
    [2, 1n],
  ]);
  expect((await world.call("DescribeCluster", {})).workers).toMatchObject([
    { workerId: "w1", freeSlotCount: 0 },
    { workerId: "w2", freeSlotCount: 0 },
  ]);
});

test("a leader that cannot renew its lease steps down, and a standby leads within the lease and 3 s (L2)", async () => {
  const world = createWorld();
  const leader = await world.startCoordinator(first);
  const standby = await world.startCoordinator(second);
  await world.run(10_000);
  world.metadata.cutLeases();
  await world.run(leaseMs + 3_000);
  expect(world.deposedCount).toBe(1);
  expect(standby.role()).toBe("leading");
  await leader.close();
});
