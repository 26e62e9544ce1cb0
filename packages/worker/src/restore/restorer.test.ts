import { encodeManifest, type Manifest, type ManifestSegment } from "@millrace/checkpoint";
import { noFailpoints, silentLogger, StreamError, type SubtaskId } from "@millrace/core";
import { createNodeDigest } from "@millrace/platform";
import type { Deployment } from "@millrace/rpc";
import type { StateBlock } from "@millrace/state";
import { expect, test } from "vitest";

import { packBlock } from "../checkpoint/packed-block.ts";
import { buildSegment } from "../checkpoint/segment-writer.ts";
import { FaultyObjects } from "../test-kit/faulty-objects.ts";
import { VirtualTime } from "../test-kit/virtual-time.ts";
import {
  blockOf,
  checkpoint,
  jobId,
  planJson,
  refOf,
  subtask,
  testCompressor,
  testConfig,
  workerId,
} from "../test-kit/worker-world.ts";
import { createWorkerCounters } from "../worker-counters.ts";
import { restoreSubtasks, type RestoredSubtask } from "./restorer.ts";

const digest = createNodeDigest();
const ports = { compressor: testCompressor, digest };

/** A checkpoint of the operator `totals`: segment 0 with bases, segment 1 with deltas. */
class World {
  readonly time = new VirtualTime();
  readonly objects = new FaultyObjects();
  readonly counters = createWorkerCounters();
  readonly segments: ManifestSegment[] = [];
  maxParallelism = 128;
  /** As if all segments were large. */
  wholeSegmentBytes = 0;

  async segment(id: number, blocks: readonly StateBlock[]): Promise<void> {
    const packed = await Promise.all(blocks.map((block) => packBlock(block, ports)));
    const { parts, ...layout } = buildSegment(packed, ports);
    const name = `segment-${this.segments.length}`;
    await this.objects.inner.put(name, parts);
    this.segments.push({ name, ...layout, ownerCheckpointId: checkpoint(id) });
  }

  async restore(
    chains: Manifest["chains"],
    parallelism = 1,
  ): Promise<ReadonlyMap<SubtaskId, RestoredSubtask>> {
    const bytes = encodeManifest(this.manifest(chains));
    await this.objects.inner.put("manifest", [bytes]);
    const subtasks = Array.from({ length: parallelism }, (_, index) => subtask(undefined, index));
    const restoring = restoreSubtasks(
      { deployment: this.deployment(subtasks, digest.sha256(bytes)), subtasks },
      {
        objects: this.objects,
        clock: this.time.clock,
        random: { uint32: () => 7 },
        ...ports,
        logger: silentLogger,
        config: testConfig({
          restoreConcurrency: 4,
          wholeSegmentBytes: this.wholeSegmentBytes,
        }),
        counters: this.counters,
        failpoints: noFailpoints,
      },
      new AbortController().signal,
    );
    restoring.catch(() => {});
    for (let count = 0; count < 50; count += 1) await this.time.run(1_000);
    return restoring;
  }

  manifest(chains: Manifest["chains"]): Manifest {
    const { leaderEpoch, attempt } = refOf();
    return {
      formatVersion: 1,
      clusterId: "c",
      jobId,
      checkpointId: checkpoint(5),
      kind: "checkpoint",
      leaderEpoch,
      attempt,
      metadataRevision: 1n,
      planSha256: "0".repeat(64),
      bundleSha256: "0".repeat(64),
      maxParallelism: this.maxParallelism,
      triggeredAtMs: 0,
      completedAtMs: 0,
      segments: this.segments,
      chains,
      subtasks: [{ subtaskId: subtask(), parallelism: 1, watermarkMs: 42, isDrained: false }],
      splitPools: [],
    };
  }

  deployment(subtasks: readonly SubtaskId[], sha256: string): Deployment {
    return {
      ref: refOf(2),
      bundleSha256: "",
      planSha256: "",
      planJson: planJson(),
      params: {},
      environment: {},
      channelToken: "t",
      placements: subtasks.map((subtaskId, slotIndex) => ({
        subtaskId,
        workerId,
        slotIndex,
        dataAddress: `slot-${slotIndex}`,
      })),
      restore: { checkpointId: checkpoint(5), manifest: { name: "manifest", sha256 } },
    };
  }
}

const chain = (
  groupStart: number,
  groupEnd: number,
  segments: readonly number[],
): Manifest["chains"][number] => ({
  operator: "totals",
  kind: "keyed",
  groupStart,
  groupEnd,
  segments,
});

async function worldWithState(): Promise<World> {
  const world = new World();
  await world.segment(4, [
    blockOf("totals", [1], { groupEnd: 63 }),
    blockOf("totals", [2], { groupStart: 64 }),
    blockOf("other", [9]),
  ]);
  await world.segment(5, [blockOf("totals", [3], { groupEnd: 10, role: "delta" })]);
  return world;
}

const chains = [chain(0, 63, [0, 1]), chain(64, 127, [0])];

const bytesOf = (restored: RestoredSubtask | undefined): readonly (readonly number[])[] =>
  restored?.blocks.map(({ bytes }) => [...bytes]) ?? [];

test("a subtask gets its operator's blocks, bases before deltas, and its watermark", async () => {
  const world = await worldWithState();
  const restored = (await world.restore(chains)).get(subtask());
  expect(restored?.watermarkMs).toBe(42);
  expect(bytesOf(restored)).toEqual([[1], [2], [3]]);
  expect(restored?.blocks[0]).toMatchObject({ operator: "totals", role: "base", groupEnd: 63 });
  expect(world.counters.restoresCompleted).toBe(1);
  expect(world.counters.restoredBytes).toBeGreaterThan(0);
});

test("rescaled, each subtask gets the blocks of its groups, with bytes of its own (S9)", async () => {
  const world = await worldWithState();
  const restored = await world.restore([chain(0, 127, [0, 1])], 4);
  const all = [0, 1, 2, 3].map((index) => restored.get(subtask(undefined, index)));
  expect(all.map(bytesOf)).toEqual([[[1], [3]], [[1]], [[2]], [[2]]]);
  expect(all[0]?.blocks[0]?.bytes.buffer).not.toBe(all[1]?.blocks[0]?.bytes.buffer);
  expect(all.every((one) => one?.watermarkMs === 42)).toBe(true);
  const reads = world.objects.gets.filter((name) => name === "segment-0");
  expect(reads.length, "the footer and each block once").toBe(3);
});

test("without a checkpoint nothing is read", async () => {
  const world = new World();
  const { restore: _restore, ...deployment } = world.deployment([subtask()], "");
  const restored = await restoreSubtasks(
    { deployment, subtasks: [subtask()] },
    {
      objects: world.objects,
      clock: world.time.clock,
      random: { uint32: () => 7 },
      ...ports,
      logger: silentLogger,
      config: testConfig(),
      counters: world.counters,
      failpoints: noFailpoints,
    },
    new AbortController().signal,
  );
  expect(restored.size).toBe(0);
  expect(world.objects.gets).toEqual([]);
});

test("bytes that are wrong once are read again (F13)", async () => {
  const world = await worldWithState();
  let isTampered = false;
  world.objects.tamper = (name, bytes) => {
    if (isTampered || name !== "segment-0") return bytes;
    isTampered = true;
    return bytes.subarray(1);
  };
  expect(bytesOf((await world.restore(chains)).get(subtask()))).toEqual([[1], [2], [3]]);
  expect(world.counters.corruptReads).toBe(1);
});

test("a segment whose bytes stay wrong fails loudly, naming object and checkpoint (F13)", async () => {
  const world = await worldWithState();
  world.objects.tamper = (name, bytes) => {
    if (name === "segment-0" && bytes.length === 1) return Uint8Array.of(255);
    return bytes;
  };
  const restoring = world.restore(chains);
  await expect(restoring).rejects.toMatchObject({
    code: "segment-corrupt",
    message: expect.stringMatching(
      /^checkpoint 5 of job job .*operator totals.*segment-0.*3 reads/,
    ),
  });
  expect(world.counters).toMatchObject({ restoresFailed: 1, corruptReads: expect.any(Number) });
});

test("a segment that the store itself finds damaged is corrupt in the same words (F13)", async () => {
  const world = await worldWithState();
  world.objects.tamper = (name, bytes) => {
    if (name !== "segment-0") return bytes;
    throw new StreamError("object-corrupt", `object ${name} is damaged`, {
      domain: "external",
      retry: "never",
    });
  };
  await expect(world.restore(chains)).rejects.toMatchObject({
    code: "segment-corrupt",
    message: expect.stringMatching(/^checkpoint 5 of job job .*segment-0 is damaged.*3 reads/),
  });
});

test("a truncated footer is corrupt too", async () => {
  const world = await worldWithState();
  world.objects.tamper = (name, bytes) => (name === "segment-1" ? bytes.subarray(2) : bytes);
  await expect(world.restore(chains)).rejects.toMatchObject({
    code: "segment-corrupt",
    message: expect.stringContaining("the footer of a segment, object segment-1"),
  });
});

test("a segment that is not there is missing, by name (F13)", async () => {
  const world = await worldWithState();
  await world.objects.inner.remove(["segment-1"]);
  await expect(world.restore(chains)).rejects.toMatchObject({
    code: "segment-missing",
    message: expect.stringContaining("segment-1"),
  });
});

test("a manifest whose bytes stay wrong is manifest-corrupt (F13)", async () => {
  const world = await worldWithState();
  world.objects.tamper = (name, bytes) => (name === "manifest" ? bytes.subarray(1) : bytes);
  await expect(world.restore(chains)).rejects.toMatchObject({
    code: "manifest-corrupt",
    message: expect.stringContaining("its manifest, object manifest, is corrupt"),
  });
});

test("a manifest that is not there is manifest-corrupt too", async () => {
  const world = await worldWithState();
  const put = world.objects.inner.put.bind(world.objects.inner);
  world.objects.inner.put = (name, parts) =>
    name === "manifest" ? Promise.resolve() : put(name, parts);
  await expect(world.restore(chains)).rejects.toMatchObject({
    code: "manifest-corrupt",
    message: expect.stringContaining("is not in the object store"),
  });
});

test("a store that is away for a while only delays the restore (F10)", async () => {
  const world = await worldWithState();
  world.objects.failures = 4;
  expect(bytesOf((await world.restore(chains)).get(subtask())).length).toBe(3);
});

test("reads run in parallel, but not more than allowed", async () => {
  const world = new World();
  const blocks = Array.from({ length: 32 }, (_, index) =>
    blockOf("totals", [index], { groupStart: index * 4, groupEnd: index * 4 + 3 }),
  );
  await world.segment(5, blocks);
  await world.restore([chain(0, 127, [0])]);
  expect(world.objects.mostReadsUnderWay).toBe(4);
});

test("another number of key groups is refused (F29)", async () => {
  const world = await worldWithState();
  world.maxParallelism = 256;
  await expect(world.restore(chains)).rejects.toMatchObject({ code: "state-incompatible" });
});

test("a small segment is read whole, once, and each part of it is verified", async () => {
  const world = await worldWithState();
  world.wholeSegmentBytes = 10_000;
  const restored = await world.restore([chain(0, 127, [0, 1])], 4);
  const all = [0, 1, 2, 3].map((index) => restored.get(subtask(undefined, index)));
  expect(all.map(bytesOf)).toEqual([[[1], [3]], [[1]], [[2]], [[2]]]);
  expect(world.objects.gets).toEqual(["manifest", "segment-0", "segment-1"]);
  const bytes = world.segments.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
  expect(world.counters.restoredBytes).toBeGreaterThanOrEqual(bytes);
});

test("of a small segment whose bytes are wrong once, only the wrong parts are read again (F13)", async () => {
  const world = await worldWithState();
  world.wholeSegmentBytes = 10_000;
  let isTampered = false;
  world.objects.tamper = (name, bytes) => {
    if (isTampered || name !== "segment-0") return bytes;
    isTampered = true;
    const wrong = bytes.slice();
    wrong[0] = 255;
    return wrong;
  };
  expect(bytesOf((await world.restore(chains)).get(subtask()))).toEqual([[1], [2], [3]]);
  // The first block, by itself.
  expect(world.objects.gets.filter((name) => name === "segment-0")).toHaveLength(2);
});

test.each<[string, (world: World) => void, string]>([
  [
    "stay wrong",
    ({ objects }) => {
      objects.tamper = (name, bytes) => (name === "segment-1" ? bytes.map(() => 255) : bytes);
    },
    "segment-corrupt",
  ],
  ["are not there", ({ objects }) => void objects.inner.remove(["segment-1"]), "segment-missing"],
])(
  "a small segment whose bytes %s fails as a large one does (F13)",
  async (_what, damage, code) => {
    const world = await worldWithState();
    world.wholeSegmentBytes = 10_000;
    damage(world);
    await expect(world.restore(chains)).rejects.toMatchObject({
      code,
      message: expect.stringContaining("segment-1"),
    });
  },
);

test("a store that is away for a while only delays the restore of small segments too (F10)", async () => {
  const world = await worldWithState();
  world.wholeSegmentBytes = 10_000;
  world.objects.failures = 4;
  expect(bytesOf((await world.restore(chains)).get(subtask())).length).toBe(3);
});
