import {
  createMemoryMetadataStore,
  type MetadataListing,
  type MetadataStore,
} from "@millrace/metadata";
import { createNodeDigest } from "@millrace/platform";
import { expect, test } from "vitest";

import { TestWorld } from "./test-kit/test-world.ts";

/** A metadata store that can be exchanged for another between two starts. */
interface Exchangeable {
  readonly store: MetadataStore;
  current: MetadataStore;
}

function createExchangeable(): Exchangeable {
  const exchangeable = { current: createMemoryMetadataStore() };
  const store: MetadataStore = {
    get: (key) => exchangeable.current.get(key),
    list: (prefix) => exchangeable.current.list(prefix),
    transact: (transaction) => exchangeable.current.transact(transaction),
    watch: (prefix, after, handlers) => exchangeable.current.watch(prefix, after, handlers),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return Object.assign(exchangeable, { store });
}

/** Returns a store with the entries and the revision of the backup. */
async function restore(backup: MetadataListing): Promise<MetadataStore> {
  const store = createMemoryMetadataStore();
  const put = (key: string, value: string) =>
    store.transact({ compares: [], writes: [{ kind: "put", key, value }] });
  const before = Number(backup.revision) - backup.entries.length;
  for (let index = 0; index < before; index += 1) await put("filler", String(index));
  for (const { key, value } of backup.entries) await put(key, value);
  return store;
}

async function runUntilBackup(metadata: Exchangeable): Promise<{
  readonly world: TestWorld;
  readonly backup: MetadataListing;
}> {
  const world = new TestWorld(createNodeDigest(), () => metadata.store);
  const leader = await world.startCoordinator();
  world.addWorker("w1", { splitCount: 1 });
  await world.run(100);
  await world.submit();
  await world.run(30_000);
  const backup = await metadata.current.list("");
  await world.run(120_000);
  await leader.close();
  return { world, backup };
}

test("F33: metadata restored from a backup that is older than the objects is refused, nothing is lost", async () => {
  const metadata = createExchangeable();
  const { world, backup } = await runUntilBackup(metadata);
  const own = metadata.current;
  const objects = await world.objects.list("");
  metadata.current = await restore(backup);
  await expect(world.startCoordinator()).rejects.toMatchObject({ code: "metadata-regressed" });
  expect(await world.objects.list("")).toEqual(objects);
  metadata.current = own;
  await world.startCoordinator();
  world.addWorker("w1", { splitCount: 1 });
  await world.run(1_000);
  expect(world.attempts().at(-1)).toEqual([2, world.committed().at(-1)]);
});

test("a leader that finds an empty object store ends no job: it refuses, and takes its mark away", async () => {
  const metadata = createExchangeable();
  const { world } = await runUntilBackup(metadata);
  const objects = await world.objects.list("");
  const kept = await Promise.all(
    objects.map(async ({ name }) => ({ name, bytes: await world.objects.get(name) })),
  );
  await world.objects.remove(objects.map(({ name }) => name));
  await expect(world.startCoordinator()).rejects.toMatchObject({
    code: "cluster-mismatch",
    message: expect.stringMatching(/has 1 jobs, and this object store has no mark of it/),
  });
  expect(await world.objects.list("")).toEqual([]);
  for (const { name, bytes } of kept) await world.objects.put(name, [bytes]);
  await world.startCoordinator();
  world.addWorker("w1", { splitCount: 1 });
  await world.run(1_000);
  expect(world.attempts().at(-1)).toEqual([2, world.committed().at(-1)]);
});

test("metadata that was lost and made anew is another cluster: it is refused", async () => {
  const metadata = createExchangeable();
  const { world } = await runUntilBackup(metadata);
  metadata.current = createMemoryMetadataStore();
  await expect(world.startCoordinator()).rejects.toMatchObject({ code: "cluster-mismatch" });
});
