import type { Manifest } from "@millrace/checkpoint";
import { StreamError } from "@millrace/core";
import { createNodeDigest, createZstdCompressor } from "@millrace/platform";
import { createMemoryObjectStore, type ObjectStore } from "@millrace/storage";
import { expect, test } from "vitest";

import { storeManifest, storeTwoCheckpoints } from "../test-kit/stored-checkpoints.ts";
import { createCheckpointVerifier, type CheckpointVerifier } from "./verify-checkpoint.ts";

function verifierOf(objects: ObjectStore): CheckpointVerifier {
  return createCheckpointVerifier({
    objects,
    digest: createNodeDigest(),
    compressor: createZstdCompressor(),
  });
}

async function prepare() {
  const objects = createMemoryObjectStore();
  const [first, second] = await storeTwoCheckpoints(objects);
  const [base = "", delta = ""] = second.manifest.segments.map(({ name }) => name);
  return { objects, first, second, base, delta };
}

test("D3: whole checkpoints are verified, and what they share is read once", async () => {
  const { objects, first, second, base } = await prepare();
  const reads: string[] = [];
  const counted: ObjectStore = {
    ...objects,
    get: (name, range, signal) => {
      reads.push(`${name} ${range?.offset}`);
      return objects.get(name, range, signal);
    },
  };
  const verifier = verifierOf(counted);
  const one = await verifier.verify(first.pointer);
  const two = await verifier.verify(second.pointer);
  expect(one).toMatchObject({ objectCount: 2, entryCount: 201, problems: [] });
  expect(two).toMatchObject({ objectCount: 3, problems: [] });
  // 200 cells in the base, 20 in the delta, one list entry.
  expect(two.entryCount).toBe(221);
  expect(new Set(reads).size).toBe(reads.length);
  expect(reads.some((read) => read.startsWith(base))).toBe(true);
});

test("S4: a segment that is gone is named, once, for each checkpoint that needs it", async () => {
  const { objects, first, second, base, delta } = await prepare();
  await objects.remove([base]);
  const verifier = verifierOf(objects);
  const gone = { objectName: base, code: "segment-missing" };
  expect((await verifier.verify(first.pointer)).problems).toMatchObject([gone]);
  expect((await verifier.verify(second.pointer)).problems).toMatchObject([gone]);
  await objects.remove([delta]);
  const both = await verifierOf(objects).verify(second.pointer);
  expect(both.problems.map(({ objectName }) => objectName)).toEqual([base, delta]);
});

test("F13: any flipped byte of a segment is found, in its footer or in the block it is in", async () => {
  const { objects, second, base } = await prepare();
  const bytes = await objects.get(base);
  for (const at of [0, Math.floor(bytes.length / 3), bytes.length - 1]) {
    const damaged = bytes.slice();
    damaged[at] = (damaged[at] ?? 0) ^ 1;
    await objects.put(base, [damaged]);
    const { problems } = await verifierOf(objects).verify(second.pointer);
    expect(problems).toMatchObject([{ objectName: base, code: "segment-corrupt" }]);
  }
});

test("F13: a segment that is too short or too long is found by its length", async () => {
  const { objects, second, delta } = await prepare();
  const bytes = await objects.get(delta);
  for (const wrong of [bytes.slice(0, -1), Uint8Array.of(...bytes, 0)]) {
    await objects.put(delta, [wrong]);
    const { problems } = await verifierOf(objects).verify(second.pointer);
    expect(problems).toMatchObject([
      {
        objectName: delta,
        message: `it has ${wrong.length} bytes, the manifest says ${bytes.length}`,
      },
    ]);
  }
});

test("a manifest that is gone or another one is manifest-corrupt", async () => {
  const { objects, first, second } = await prepare();
  const { manifestName } = second.pointer;
  await objects.put(manifestName, [await objects.get(first.pointer.manifestName)]);
  const wrong = await verifierOf(objects).verify(second.pointer);
  expect(wrong.problems).toMatchObject([{ objectName: manifestName, code: "manifest-corrupt" }]);
  await objects.remove([manifestName]);
  const gone = await verifierOf(objects).verify(second.pointer);
  expect(gone.problems).toMatchObject([{ message: "the manifest is not in the object store" }]);
});

test.each<[string, (manifest: Manifest) => Partial<Manifest>, RegExp]>([
  [
    "a key group without a chain",
    ({ chains }) => ({
      chains: chains.map((c) => (c.kind === "keyed" ? { ...c, groupEnd: 6 } : c)),
    }),
    /key group 7 of operator sum has no chain/,
  ],
  [
    "a key group with two owners (S9)",
    ({ chains }) => ({ chains: [...chains, ...chains.filter(({ kind }) => kind === "keyed")] }),
    /key group 0 of operator sum has 2 chains/,
  ],
  [
    "a chain that begins with a delta",
    ({ chains }) => ({
      chains: chains.map((c) => (c.kind === "keyed" ? { ...c, segments: [1, 0] } : c)),
    }),
    /it has no base of key group 0/,
  ],
  [
    "a segment that has nothing of what it is named for",
    ({ chains }) => ({
      chains: chains.map((c) => (c.kind === "list" ? { ...c, operator: "x" } : c)),
    }),
    /it has no block of the list state of operator x/,
  ],
])("S9: %s is found", async (_name, change, message) => {
  const { objects, second } = await prepare();
  const broken: Manifest = { ...second.manifest, ...change(second.manifest) };
  const { problems } = await verifierOf(objects).verify(await storeManifest(objects, broken));
  expect(problems.map((problem) => problem.message).join("\n")).toMatch(message);
});

test("F10: a store that is away says nothing about a checkpoint", async () => {
  const { objects, second } = await prepare();
  const away = new StreamError("unavailable", "503", { domain: "external", retry: "backoff" });
  const verifier = verifierOf({ ...objects, get: () => Promise.reject(away) });
  await expect(verifier.verify(second.pointer)).rejects.toBe(away);
});
