import type { MetadataLeases, MetadataStore } from "@millrace/metadata";
import type { ObjectStore } from "@millrace/storage";
import { expect, test } from "vitest";

import { SimWorld } from "./sim-world.ts";

/** Patience of no more than one try, so that what a test sees is what the store says. */
const patience = { deadlineMs: 100, tryTimeoutMs: 100, maxCalls: 1 };

function createWorld(): SimWorld {
  return new SimWorld({ seed: "store faults", patience });
}

async function run<Result>(world: SimWorld, calling: Promise<Result>): Promise<Result> {
  const settled = calling.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  let end: Awaited<typeof settled> | undefined;
  void settled.then((one) => {
    end = one;
  });
  await world.scheduler.runUntil(() => end !== undefined, world.scheduler.nowMs() + 60_000);
  if (end === undefined) throw new Error("the call never ended");
  if ("error" in end) throw end.error;
  return end.value;
}

function leasesOf({ leases }: MetadataStore): MetadataLeases {
  if (leases === undefined) throw new Error("the store has no leases");
  return leases;
}

function put(store: MetadataStore, key: string) {
  return store.transact({ compares: [], writes: [{ kind: "put", key, value: key }] });
}

test("a full metadata store refuses puts and leases with a clear code, and serves the rest (F19)", async () => {
  const world = createWorld();
  const store = world.metadataFor(world.createProcess("one.1"));
  await run(world, put(store, "a"));
  world.metadataConditions.isFull = true;
  await expect(run(world, put(store, "b"))).rejects.toMatchObject({ code: "out-of-space" });
  await expect(run(world, leasesOf(store).grant(1_000))).rejects.toMatchObject({
    code: "out-of-space",
  });
  expect(await run(world, store.get("a"))).toMatchObject({ value: "a" });
  await run(world, store.transact({ compares: [], writes: [{ kind: "delete", key: "a" }] }));
  expect(await run(world, store.get("a"))).toBeUndefined();
});

test("a process that is cut off reaches no store, others do (F7)", async () => {
  const world = createWorld();
  const [one, other] = [world.createProcess("one.1"), world.createProcess("other.2")];
  world.metadataConditions.cutOff.add(one);
  const code = expect.stringMatching(/unavailable|unknown-outcome/);
  await expect(run(world, put(world.metadataFor(one), "a"))).rejects.toMatchObject({ code });
  await run(world, put(world.metadataFor(other), "b"));
  expect(await world.metadata.list("")).toMatchObject({ entries: [{ key: "b" }] });
});

test("a silent watch tells nothing more, also later; a lost one says so; a compacted past is refused (F18)", async () => {
  const world = createWorld();
  const store = world.metadataFor(world.createProcess("one.1"));
  const told: string[] = [];
  const watch = (afterRevision: bigint): Disposable =>
    store.watch("", afterRevision, {
      onChange: (key) => told.push(key),
      onLost: () => told.push("lost"),
    });
  watch(0n);
  await run(world, put(store, "a"));
  world.metadataConditions.isSilent = true;
  await run(world, put(store, "b"));
  world.metadataConditions.isSilent = false;
  await run(world, put(store, "c"));
  await world.scheduler.runUntil(() => false, world.scheduler.nowMs() + 100);
  expect(told).toEqual(["a"]);
  expect(world.watches.loseSilent("half open")).toBe(1);
  const { revision } = await run(world, store.list(""));
  world.watches.compact(revision);
  watch(revision - 1n);
  await world.scheduler.runUntil(() => false, world.scheduler.nowMs() + 100);
  expect(told).toEqual(["a", "lost", "lost"]);
});

test("leases end before their time or live on without anybody, as the world wants it (F16)", async () => {
  const world = createWorld();
  const leases = leasesOf(world.metadataFor(world.createProcess("one.1")));
  const [first, second] = [
    await run(world, leases.grant(1_000)),
    await run(world, leases.grant(1_000)),
  ];
  world.leases.stick(5_000);
  await world.scheduler.runUntil(() => false, 4_000);
  await run(world, leases.keepAlive(first));
  expect(await world.leases.endAll()).toBe(2);
  const gone = run(world, leases.keepAlive(second));
  await expect(gone).rejects.toMatchObject({ code: "not-found" });
});

async function readThrice(world: SimWorld, store: ObjectStore): Promise<readonly string[]> {
  const texts: string[] = [];
  for (let count = 0; count < 3; count += 1) {
    texts.push(new TextDecoder().decode(await run(world, store.get("object"))));
  }
  return texts;
}

test("of three reads of the same bytes at most two are wrong, and the stored ones stay right (F13)", async () => {
  const world = createWorld();
  const store = world.objectsFor(world.createProcess("one.1"));
  await run(world, store.put("object", [new TextEncoder().encode("some bytes")]));
  world.objectConditions.wrongReads = 1;
  const [first, second, third] = await readThrice(world, store);
  expect([first, second]).not.toContain("some bytes");
  expect(third).toBe("some bytes");
  expect(world.storeCounts.wrongReads).toBe(2);
});

test("a put may be stored and fail all the same, or fail and store nothing (F10, F11)", async () => {
  const world = createWorld();
  const store = world.objectsFor(world.createProcess("one.1"));
  world.objectConditions.ambiguousPuts = 1;
  await expect(run(world, store.put("a", [Uint8Array.of(1)]))).rejects.toThrow("not reached");
  world.objectConditions.ambiguousPuts = 0;
  world.objectConditions.failedPuts = 1;
  await expect(run(world, store.put("b", [Uint8Array.of(1)]))).rejects.toThrow("not reached");
  expect(await world.objects.list("")).toMatchObject([{ name: "a" }]);
});

test.each([
  [false, undefined],
  [true, "a"],
])("a process dies at the call that is planned (done: %s)", async (isDone, stored) => {
  const world = createWorld();
  const process = world.createProcess("one.1");
  const store = world.metadataFor(process);
  let deaths = 0;
  world.callPlans.plan(process, { call: 2, isDone, onDeath: () => (deaths += 1) });
  await run(world, store.get("a"));
  expect(process.isAlive()).toBe(true);
  void put(store, "a"); // Nobody is there any more to hear of it.
  await world.scheduler.runUntil(() => false, world.scheduler.nowMs() + 100);
  expect([process.isAlive(), deaths]).toEqual([false, 1]);
  expect((await world.metadata.get("a"))?.value).toBe(stored);
});
