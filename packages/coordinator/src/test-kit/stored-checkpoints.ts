import {
  encodeManifest,
  manifestName,
  segmentName,
  type CommittedCheckpoint,
  type Manifest,
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
import { createNodeDigest, createZstdCompressor } from "@millrace/platform";
import {
  createHeapBackend,
  encodeListBlock,
  SegmentBuilder,
  type KeyedBackend,
  type StateBlock,
} from "@millrace/state";
import type { ObjectStore } from "@millrace/storage";

const digest = createNodeDigest();
const compressor = createZstdCompressor();
const jobId = parseJobId("job-1");
const attempt = parseAttempt(1);
const maxParallelism = 8;

export interface StoredCheckpoint {
  readonly pointer: CommittedCheckpoint;
  readonly manifest: Manifest;
}

/**
 * Returns two checkpoints as a job stores them, by the code of workers and state: 1 with a base of each
 * key group, 2 with a delta on it; both with a source's positions.
 */
export async function storeTwoCheckpoints(
  objects: ObjectStore,
): Promise<readonly [StoredCheckpoint, StoredCheckpoint]> {
  const groups = { start: 0, end: maxParallelism - 1 };
  const backend = createHeapBackend({ operatorName: "sum", groups, maxParallelism });
  setKeys(backend, 200);
  const base = await putSegment(objects, 1n, [
    ...snapshot(backend, 1n),
    encodeListBlock("lines", [{ position: 17 }]),
  ]);
  setKeys(backend, 20);
  const delta = await putSegment(objects, 2n, [
    ...snapshot(backend, 2n, 1n),
    encodeListBlock("lines", [{ position: 30 }]),
  ]);
  return [
    await putManifest(objects, 1n, { segments: [base], keyed: [0], list: [0] }),
    await putManifest(objects, 2n, { segments: [base, delta], keyed: [0, 1], list: [1] }),
  ];
}

function setKeys(backend: KeyedBackend, count: number): void {
  const state = backend.valueState<{ readonly n: number }>("count");
  for (let index = 0; index < count; index += 1) {
    const key = `key-${index}`;
    backend.setCurrentKey(key, keyHash(key));
    state.set({ n: index + (state.get()?.n ?? 0) });
  }
}

function snapshot(backend: KeyedBackend, id: bigint, base?: bigint): readonly StateBlock[] {
  const blocks: StateBlock[] = [];
  const barrier = {
    checkpointId: parseCheckpointId(id),
    mode: base === undefined ? ("full" as const) : ("delta" as const),
    ...(base === undefined ? {} : { base: parseCheckpointId(base) }),
  };
  const cursor = backend.beginSnapshot(barrier, (block) => blocks.push(block));
  while (!cursor.step(() => false));
  return blocks;
}

async function putSegment(
  objects: ObjectStore,
  id: bigint,
  blocks: readonly StateBlock[],
): Promise<ManifestSegment> {
  const builder = new SegmentBuilder(compressor.name);
  for (const { bytes: raw, ...header } of blocks) {
    const bytes = await compressor.compress(raw);
    builder.add({ ...header, rawLength: raw.length, sha256: digest.sha256(bytes) }, bytes);
  }
  const { parts, footer, lengthBytes } = builder.finish();
  const checkpointId = parseCheckpointId(id);
  const owner = { jobId, attempt, checkpointId };
  const name = segmentName(owner, { workerId: parseWorkerId("w1"), nonce: "0" });
  await objects.put(name, parts);
  return {
    name,
    lengthBytes,
    footerLength: footer.length,
    footerSha256: digest.sha256(footer),
    ownerCheckpointId: checkpointId,
  };
}

async function putManifest(
  objects: ObjectStore,
  id: bigint,
  content: {
    readonly segments: readonly ManifestSegment[];
    readonly keyed: readonly number[];
    readonly list: readonly number[];
  },
): Promise<StoredCheckpoint> {
  const checkpointId = parseCheckpointId(id);
  const everything = { groupStart: 0, groupEnd: maxParallelism - 1 };
  const manifest: Manifest = {
    formatVersion: 1,
    clusterId: "c",
    kind: "checkpoint",
    metadataRevision: 1n,
    jobId,
    attempt,
    checkpointId,
    maxParallelism,
    leaderEpoch: parseLeaderEpoch(1n),
    planSha256: "a".repeat(64),
    bundleSha256: "b".repeat(64),
    triggeredAtMs: 0,
    completedAtMs: 1,
    subtasks: [],
    splitPools: [],
    segments: content.segments,
    chains: [
      { operator: "lines", kind: "list", groupStart: 0, groupEnd: 0, segments: content.list },
      { operator: "sum", kind: "keyed", ...everything, segments: content.keyed },
    ],
  };
  return { manifest, pointer: await storeManifest(objects, manifest) };
}

/** Stores the manifest under its name, in place of what was there, and returns the pointer to it. */
export async function storeManifest(
  objects: ObjectStore,
  manifest: Manifest,
): Promise<CommittedCheckpoint> {
  const bytes = encodeManifest(manifest);
  const { checkpointId } = manifest;
  const name = manifestName({ jobId, attempt, checkpointId }, "0");
  await objects.put(name, [bytes]);
  return {
    checkpointId,
    kind: manifest.kind,
    attempt,
    nonce: "n",
    manifestName: name,
    manifestSha256: digest.sha256(bytes),
    completedAtMs: 1,
    durationMs: 1,
    newBytes: 1,
    totalBytes: 1,
  };
}
