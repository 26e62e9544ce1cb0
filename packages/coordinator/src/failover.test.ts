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

test("the placement of an attempt is in the metadata", async () => {
  const world = createWorld();
  await world.startCoordinator(first);
  for (const name of ["w1", "w2"]) world.addWorker(name, { splitCount: 1 });
  await world.run(100);
  const jobId = await world.submit({ parallelism: 2 });
  await world.run(1_000);
  const entry = await world.metadata.get(`millrace/jobs/${jobId}/attempt`);
  expect(JSON.parse(entry?.value ?? "")).toMatchObject({
    attempt: 1,
    slots: [
      { workerId: "w1", slotIndex: 0, dataAddress: expect.any(String) },
      { workerId: "w2", slotIndex: 0, dataAddress: expect.any(String) },
    ],
  });
});

test("a job writes to the metadata twice a checkpoint, and nothing else as it runs (F19)", async () => {
  const world = createWorld();
  await world.startCoordinator(first);
  world.addWorker("w1", { splitCount: 1 });
  await world.run(100);
  await world.submit({ parallelism: 1 });
  await world.run(60_000);
  const writes: string[] = [];
  world.metadata.decideFault = (transaction) => {
    if (transaction.writes.length > 0) writes.push(transaction.writes.map(({ key }) => key).join());
    return undefined;
  };
  const committedBefore = world.committed().length;
  await world.run(600_000);
  expect(world.committed().length - committedBefore).toBe(60);
  expect(writes).toHaveLength(120);
});

test.each(["unavailable", "out-of-space"] as const)(
  "while the metadata store is %s commits wait, the job runs on, and it is counted (F15, F19)",
  async (kind) => {
    const world = createWorld();
    const leader = await world.startCoordinator(first);
    world.addWorker("w1", { splitCount: 1 });
    await world.run(100);
    const jobId = await world.submit({ parallelism: 1 });
    await world.run(15_000);
    const before = world.committed().length;
    world.metadata.decideFault = () => ({ kind });
    await world.run(60_000);
    expect(world.committed()).toHaveLength(before);
    expect(leader.readMetrics().metadataFailureCount).toBeGreaterThan(10);
    expect(await world.describe(jobId)).toMatchObject({ state: "running", attempt: 1 });
    world.metadata.decideFault = () => undefined;
    await world.run(15_000);
    expect(world.committed().length).toBeGreaterThan(before);
    expect(leader.role()).toBe("leading");
  },
);

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
