import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createNodeClock, createNodeRandom } from "@millrace/platform";
import {
  createMemoryObjectStore,
  createRetryingObjectStore,
  openFileObjectStore,
  type ObjectStore,
} from "@millrace/storage";
import { expect, test } from "vitest";

import { describeObjectStoreContract, type ObjectStoreSubject } from "./object-store-contract.ts";
import { createSimObjectSubject } from "./sim-subjects.ts";

function subjectOf(store: ObjectStore): Promise<ObjectStoreSubject> {
  return Promise.resolve({ store, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() });
}

async function createFolderSubject(): Promise<ObjectStoreSubject & { readonly folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-objects-"));
  return {
    folder,
    store: await openFileObjectStore(join(folder, "objects")),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

describeObjectStoreContract("memory", () => subjectOf(createMemoryObjectStore()));
describeObjectStoreContract("simulated", createSimObjectSubject);
describeObjectStoreContract("folder", createFolderSubject);
describeObjectStoreContract("retrying", () =>
  subjectOf(
    createRetryingObjectStore(createMemoryObjectStore(), {
      clock: createNodeClock(),
      random: createNodeRandom(),
    }),
  ),
);

test("a folder keeps its objects over a reopening", async () => {
  await using subject = await createFolderSubject();
  await subject.store.put("jobs/a/1", [Uint8Array.of(1, 2)]);
  const reopened = await openFileObjectStore(join(subject.folder, "objects"));
  expect(await reopened.list("")).toEqual([{ name: "jobs/a/1", sizeBytes: 2 }]);
});

test("removal of the last object takes its empty folders away, but not the store's own", async () => {
  await using subject = await createFolderSubject();
  const root = join(subject.folder, "objects");
  await subject.store.put("jobs/a/1/x", []);
  await subject.store.put("jobs/b/1", []);
  await subject.store.remove(["jobs/a/1/x"]);
  expect(await readdir(join(root, "jobs"))).toEqual(["b"]);
  await subject.store.remove(["jobs/b/1"]);
  expect(await readdir(root)).toEqual([]);
});

test("drafts of a killed process are not listed, and go once they are old", async () => {
  await using subject = await createFolderSubject();
  const root = join(subject.folder, "objects");
  await mkdir(join(root, "jobs"));
  const [fresh, old] = [join(root, "jobs/a.7-1.draft"), join(root, "jobs/b.7-1.draft")];
  await writeFile(fresh, "half");
  await writeFile(old, "half");
  await utimes(old, 0, 0);
  expect(await subject.store.list("")).toEqual([]);
  await openFileObjectStore(root);
  expect(await readdir(join(root, "jobs"))).toEqual(["a.7-1.draft"]);
});

test("a folder that cannot be made is refused at opening, with its path", async () => {
  await expect(openFileObjectStore("/dev/null/objects")).rejects.toMatchObject({
    code: "folder-not-writable",
    retry: "never",
    message: expect.stringContaining("/dev/null/objects"),
  });
});
