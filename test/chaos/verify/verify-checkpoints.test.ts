import {
  encodeCommittedCheckpoint,
  encodeManifest,
  manifestName,
  segmentName,
  type CommittedCheckpoint,
  type ManifestSegment,
} from "@millrace/checkpoint";
import {
  keyHash,
  parseAttempt,
  parseCheckpointId,
  parseJobId,
  parseLeaderEpoch,
  parseWorkerId,
} from "@millrace/core";
import { createMemoryMetadataStore } from "@millrace/metadata";
import { createNodeDigest, createZstdCompressor } from "@millrace/platform";
import { createHeapBackend, SegmentBuilder, type StateBlock } from "@millrace/state";
import { createMemoryObjectStore, type ObjectStore } from "@millrace/storage";
import { expect, test } from "vitest";

import { verifyCheckpoints, type CheckpointStores } from "./verify-checkpoints.ts";

const digest = createNodeDigest();
const compressor = createZstdCompressor();
const owner = {
  jobId: parseJobId("delays-1"),
  attempt: parseAttempt(1),
  checkpointId: parseCheckpointId(7n),
};
const maxParallelism = 8;
const groups = { start: 0, end: maxParallelism - 1 };
const keyCount = 50;

/** The state of an operator with 50 keys, by the code of workers. */
function encodeState(): readonly StateBlock[] {
  const backend = createHeapBackend({ operatorName: "sum", groups, maxParallelism });
  const state = backend.valueState<number>("count");
  for (let key = 0; key < keyCount; key += 1) {
    backend.setCurrentKey(`key-${key}`, keyHash(`key-${key}`));
    state.set(key);
  }
  const blocks: StateBlock[] = [];
  const barrier = { checkpointId: owner.checkpointId, mode: "full" as const };
  const cursor = backend.beginSnapshot(barrier, (block) => blocks.push(block));
  while (!cursor.step(() => false));
  return blocks;
}

async function putSegment(objects: ObjectStore): Promise<ManifestSegment> {
  const builder = new SegmentBuilder(compressor.name);
  for (const { bytes: raw, ...header } of encodeState()) {
    const bytes = await compressor.compress(raw);
    builder.add({ ...header, rawLength: raw.length, sha256: digest.sha256(bytes) }, bytes);
  }
  const { parts, footer, lengthBytes } = builder.finish();
  const name = segmentName(owner, { workerId: parseWorkerId("w1"), nonce: "0" });
  await objects.put(name, parts);
  return {
    name,
    lengthBytes,
    footerLength: footer.length,
    footerSha256: digest.sha256(footer),
    ownerCheckpointId: owner.checkpointId,
  };
}

/** A job with one checkpoint of one segment, as the stores hold it. */
async function prepare(): Promise<CheckpointStores & { readonly segment: ManifestSegment }> {
  const objects = createMemoryObjectStore();
  const metadata = createMemoryMetadataStore();
  const segment = await putSegment(objects);
  const bytes = encodeManifest({
    ...owner,
    formatVersion: 1,
    clusterId: "c",
    kind: "checkpoint",
    metadataRevision: 1n,
    maxParallelism,
    leaderEpoch: parseLeaderEpoch(1n),
    planSha256: "a".repeat(64),
    bundleSha256: "b".repeat(64),
    triggeredAtMs: 0,
    completedAtMs: 1,
    subtasks: [],
    splitPools: [],
    segments: [segment],
    chains: [{ operator: "sum", kind: "keyed", groupStart: 0, groupEnd: 7, segments: [0] }],
  });
  const name = manifestName(owner, "0");
  await objects.put(name, [bytes]);
  const pointer: CommittedCheckpoint = {
    ...owner,
    kind: "checkpoint",
    nonce: "n",
    manifestName: name,
    manifestSha256: digest.sha256(bytes),
    completedAtMs: 1,
    durationMs: 1,
    newBytes: 1,
    totalBytes: 1,
  };
  const value = encodeCommittedCheckpoint(pointer);
  const key = "some/prefix/jobs/delays-1/checkpoints/00000000000000000007";
  await metadata.transact({ compares: [], writes: [{ kind: "put", key, value }] });
  return { metadata, objects, segment };
}

test("D3: a whole checkpoint is restored, cell for cell, and has no orphans", async () => {
  const stores = await prepare();
  const { restored, problems, orphans } = await verifyCheckpoints(stores, owner.jobId);
  expect(restored).toMatchObject([{ checkpointId: "7", cellCount: keyCount }]);
  expect(problems).toEqual([]);
  expect(orphans).toEqual([]);
});

test("S4: a segment that is gone is a problem", async () => {
  const stores = await prepare();
  await stores.objects.remove([stores.segment.name]);
  const { problems } = await verifyCheckpoints(stores, owner.jobId);
  expect(problems).toEqual([`checkpoint 7: Error: object ${stores.segment.name} is missing`]);
});

test("F13: a flipped byte anywhere in a segment is a problem", async () => {
  const stores = await prepare();
  const { name } = stores.segment;
  const bytes = await stores.objects.get(name);
  for (const at of [0, Math.floor(bytes.length / 2), bytes.length - 1]) {
    const damaged = bytes.slice();
    damaged[at] = (damaged[at] ?? 0) ^ 1;
    await stores.objects.remove([name]);
    await stores.objects.put(name, [damaged]);
    const { problems } = await verifyCheckpoints(stores, owner.jobId);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain("has the hash");
  }
});

test("L4: an object of the job that no checkpoint names is an orphan", async () => {
  const stores = await prepare();
  await stores.objects.put("jobs/delays-1/1/6/w1-0.segment", [Uint8Array.of(1)]);
  await stores.objects.put("jobs/another-1/1/6/w1-0.segment", [Uint8Array.of(1)]);
  const { orphans } = await verifyCheckpoints(stores, owner.jobId);
  expect(orphans).toEqual(["jobs/delays-1/1/6/w1-0.segment"]);
});
