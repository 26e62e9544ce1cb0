import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import {
  createMemoryMetadataStore,
  openSqliteMetadataStore,
  type MetadataStore,
} from "@millrace/metadata";
import { createNodeClock } from "@millrace/platform";
import { expect, test } from "vitest";

import { describeLeaseContract } from "./lease-contract.ts";
import {
  describeMetadataStoreContract,
  type MetadataStoreSubject,
} from "./metadata-store-contract.ts";
import { describeSharedMetadataStoreContract } from "./shared-metadata-store-contract.ts";
import { createSimMetadataSubject } from "./sim-subjects.ts";

function createMemorySubject(): Promise<MetadataStoreSubject> {
  const store = createMemoryMetadataStore();
  return Promise.resolve({
    open: () => Promise.resolve(store),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  });
}

function createLeasedSubject(): Promise<MetadataStoreSubject> {
  const store = createMemoryMetadataStore({ clock: createNodeClock() });
  return Promise.resolve({
    open: () => Promise.resolve(store),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  });
}

async function createSqliteSubject(): Promise<MetadataStoreSubject> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-metadata-"));
  const opened: MetadataStore[] = [];
  return {
    open() {
      const store = openSqliteMetadataStore(join(folder, "sub", "metadata.db"), createNodeClock());
      opened.push(store);
      return Promise.resolve(store);
    },
    async [Symbol.asyncDispose]() {
      for (const store of opened) await store[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}

describeMetadataStoreContract("memory", createMemorySubject);
describeMetadataStoreContract("SQLite", createSqliteSubject);
describeMetadataStoreContract("simulated", () => createSimMetadataSubject());
describeMetadataStoreContract("memory with leases", createLeasedSubject);
describeLeaseContract("memory", createLeasedSubject, { clock: createNodeClock(), leaseMs: 300 });
describeLeaseContract("simulated", () => createSimMetadataSubject(createNodeClock()), {
  clock: createNodeClock(),
  leaseMs: 300,
});
describeSharedMetadataStoreContract("memory", createMemorySubject);
describeSharedMetadataStoreContract("SQLite", createSqliteSubject);
describeSharedMetadataStoreContract("simulated", () => createSimMetadataSubject());

test("a SQLite file in a place that is none is refused, with its path and what to do", () => {
  expect(() => openSqliteMetadataStore("/dev/null/metadata.db", createNodeClock())).toThrow(
    expect.objectContaining({
      code: "folder-not-writable",
      message: expect.stringMatching(/\/dev\/null\/metadata\.db .*check its folder and owner/),
    }),
  );
});

test("a closed SQLite store says so and is not tried again", async () => {
  await using subject = await createSqliteSubject();
  const store = await subject.open();
  await store[Symbol.asyncDispose]();
  await expect(store.get("a")).rejects.toMatchObject({ code: "cancelled", retry: "never" });
});

test("a watch that is too far behind is lost, with a cause (F18)", async () => {
  const store = createMemoryMetadataStore();
  for (let index = 0; index < 10_002; index += 1) {
    await store.transact({ compares: [], writes: [{ kind: "put", key: "w/a", value: "1" }] });
  }
  const cause = await new Promise<Error>((resolve) => {
    store.watch("w/", 1n, { onChange: () => {}, onLost: resolve });
  });
  expect(cause).toMatchObject({ code: "unavailable", message: expect.stringContaining("w/*") });
});
