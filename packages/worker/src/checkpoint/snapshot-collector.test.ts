import { noFailpoints, silentLogger, type FailpointName } from "@millrace/core";
import { createNodeDigest } from "@millrace/platform";
import type { WorkerMessage } from "@millrace/rpc";
import { parseFooter, type StateBlock } from "@millrace/state";
import { expect, test } from "vitest";

import { FaultyObjects } from "../test-kit/faulty-objects.ts";
import { VirtualTime } from "../test-kit/virtual-time.ts";
import {
  blockOf,
  checkpoint,
  refOf,
  subtask,
  testCompressor,
  testConfig,
} from "../test-kit/worker-world.ts";
import { createWorkerCounters } from "../worker-counters.ts";
import { summarizeBlocks, type PackedBlock } from "./packed-block.ts";
import { SnapshotCollector } from "./snapshot-collector.ts";

const subtasks = [subtask(undefined, 0), subtask(undefined, 1)];

class World {
  readonly time = new VirtualTime();
  readonly objects = new FaultyObjects();
  readonly counters = createWorkerCounters();
  readonly answers: WorkerMessage[] = [];
  readonly collector: SnapshotCollector;

  constructor(failpoint?: FailpointName) {
    this.collector = new SnapshotCollector({
      objects: this.objects,
      clock: this.time.clock,
      random: { uint32: () => 7 },
      logger: silentLogger,
      config: testConfig(),
      counters: this.counters,
      ref: refOf(),
      subtasks,
      compressor: testCompressor,
      digest: createNodeDigest(),
      failpoints:
        failpoint === undefined ? noFailpoints : { isActive: (name) => name === failpoint },
      onAck: (ack) => this.answers.push(ack),
      onDecline: (decline) => this.answers.push(decline),
    });
  }

  async run(durationMs = 0): Promise<void> {
    await this.time.run(durationMs);
    for (let count = 0; count < 10; count += 1) await this.time.run();
  }

  block(id: number, block: StateBlock, index = 0): void {
    const subtaskId = subtask(undefined, index);
    this.collector.onBlock({
      kind: "snapshot-block",
      subtaskId,
      checkpointId: checkpoint(id),
      block,
    });
  }

  done(id: number, index: number, alignmentMs = 1): void {
    this.collector.onDone({
      kind: "snapshot-done",
      subtaskId: subtask(undefined, index),
      checkpointId: checkpoint(id),
      parallelism: 2,
      watermarkMs: index,
      isDrained: false,
      alignmentMs,
      snapshotMs: 2,
      slices: { counts: [0, 3, 1], totalMs: 1.2, longestMs: 0.4 },
      sliceCpu: { counts: [0, 4], totalMs: 0.9, longestMs: 0.2 },
    });
  }

  /** Both subtasks have given all their blocks. */
  allDone(id: number): void {
    for (const index of subtasks.keys()) this.done(id, index);
  }

  kinds(): readonly string[] {
    return this.answers.map((answer) => answer.kind);
  }
}

test("one segment holds the blocks of all subtasks; its footer says where and what", async () => {
  const world = new World();
  world.block(1, blockOf("b", [1, 2, 3], { groupEnd: 63 }));
  world.done(1, 0);
  world.block(1, blockOf("b", [4], { groupStart: 64 }), 1);
  await world.run();
  expect(world.answers).toEqual([]);
  world.done(1, 1, 9);
  await world.run();
  const [ack] = world.answers;
  if (ack?.kind !== "ack" || ack.cut.segment === undefined) throw new Error("no ack");
  const { name, lengthBytes, footerLength, footerSha256 } = ack.cut.segment;
  const bytes = await world.objects.inner.get(name);
  const footer = bytes.subarray(lengthBytes - footerLength);
  expect(createNodeDigest().sha256(footer)).toBe(footerSha256);
  expect(parseFooter(footer)).toMatchObject({
    compressor: "plus-one",
    blocks: [
      { groupStart: 0, groupEnd: 63, rawLength: 3, offset: 0, length: 3 },
      { groupStart: 64, groupEnd: 127, rawLength: 1, offset: 3, length: 1 },
    ],
  });
  expect([...bytes.subarray(0, 4)]).toEqual([2, 3, 4, 5]);
  expect(ack.cut.blocks).toMatchObject([{ groupStart: 0, groupEnd: 127, rawBytes: 4 }]);
  expect(ack.timings).toMatchObject({ alignmentMs: 9, snapshotMs: 2 });
  expect(world.counters).toMatchObject({ lastP99SliceMs: 0.4, lastLongestSliceMs: 0.4 });
});

test("with nothing to store the ack names no segment, and nothing is put", async () => {
  const world = new World();
  world.allDone(1);
  await world.run();
  expect(world.answers).toMatchObject([{ kind: "ack", cut: { blocks: [] } }]);
  expect(world.objects.puts).toEqual([]);
});

test("no ack before the put has returned (S5)", async () => {
  const world = new World();
  const gate = Promise.withResolvers<void>();
  world.objects.stall = gate.promise;
  world.block(1, blockOf("b", [1]));
  world.allDone(1);
  await world.run(1_000);
  expect(world.answers).toEqual([]);
  gate.resolve();
  await world.run();
  expect(world.kinds()).toEqual(["ack"]);
});

test("the failpoint ack-before-durable acks at once", async () => {
  const world = new World("ack-before-durable");
  world.objects.stall = new Promise(() => {});
  world.block(1, blockOf("b", [1]));
  world.allDone(1);
  await world.run();
  expect(world.kinds()).toEqual(["ack"]);
});

test("a put that fails, or whose outcome is unknown, is repeated under its name (F10, F11)", async () => {
  const world = new World();
  world.objects.failures = 2;
  world.objects.unknownPuts = 1;
  world.block(1, blockOf("b", [1]));
  world.allDone(1);
  await world.run(10_000);
  expect(world.kinds()).toEqual(["ack"]);
  expect(world.objects.puts.length).toBe(4);
  expect(new Set(world.objects.puts).size).toBe(1);
  expect(world.counters.uploadRetries).toBe(3);
});

test("a store that stays away makes the checkpoint declined, not the job fail (F10)", async () => {
  const world = new World();
  world.objects.failures = Infinity;
  world.block(1, blockOf("b", [1]));
  world.allDone(1);
  await world.run(120_000);
  expect(world.answers).toMatchObject([
    { kind: "decline", checkpointId: 1n, failure: { code: "checkpoint-failed" } },
  ]);
  expect(world.counters.uploadsRunning).toBe(0);
  expect(world.time.timerCount()).toBe(0);
});

test("a put that stalls ends at its deadline and is tried again (F12)", async () => {
  const world = new World();
  world.objects.stall = new Promise(() => {});
  world.block(1, blockOf("b", [1]));
  world.allDone(1);
  await world.run(29_000);
  world.objects.stall = undefined;
  await world.run(3_000);
  expect(world.kinds()).toEqual(["ack"]);
  expect(world.objects.puts.length).toBe(2);
});

test("an abort cancels the upload, says nothing, removes nothing (S4)", async () => {
  const world = new World();
  world.objects.stall = new Promise(() => {});
  world.block(1, blockOf("b", [1]));
  world.allDone(1);
  await world.run();
  world.collector.onAborted(checkpoint(1));
  world.block(1, blockOf("b", [2]));
  world.allDone(1);
  await world.run(200_000);
  expect(world.answers).toEqual([]);
  expect(world.objects.puts.length).toBe(1);
  expect(world.objects.removes).toEqual([]);
  expect(world.time.timerCount()).toBe(0);
});

test("several checkpoints upload at a time; each is acked for itself", async () => {
  const world = new World();
  const gate = Promise.withResolvers<void>();
  world.objects.stall = gate.promise;
  for (const id of [1, 2]) {
    world.block(id, blockOf("b", [id]));
    world.allDone(id);
  }
  await world.run();
  expect(world.counters.uploadsRunning).toBe(2);
  gate.resolve();
  await world.run();
  expect(world.answers).toMatchObject([{ checkpointId: 1n }, { checkpointId: 2n }]);
});

test("one subtask's failure declines the checkpoint once", async () => {
  const world = new World();
  const failure = { code: "sink-failed", message: "no", domain: "external" } as const;
  for (const index of [0, 1]) {
    world.collector.onFailed({
      kind: "snapshot-failed",
      subtaskId: subtask(undefined, index),
      checkpointId: checkpoint(1),
      failure,
    });
  }
  world.done(1, 0);
  await world.run();
  expect(world.answers).toEqual([{ kind: "decline", ref: refOf(), checkpointId: 1n, failure }]);
});

test("a completed checkpoint ends the older ones that are still pending", async () => {
  const world = new World();
  world.objects.stall = new Promise(() => {});
  world.block(1, blockOf("b", [1]));
  world.allDone(1);
  await world.run();
  world.collector.onCompleted(checkpoint(2));
  await world.run();
  expect(world.counters.uploadsRunning).toBe(0);
  expect(world.answers).toEqual([]);
});

test("summaries join adjacent and overlapping ranges of one operator and role only", () => {
  const packed = (over: Partial<PackedBlock>): PackedBlock => ({
    operator: "a",
    kind: "keyed",
    role: "base",
    groupStart: 0,
    groupEnd: 0,
    cellCount: 1,
    rawLength: 10,
    bytes: new Uint8Array(),
    sha256: "",
    ...over,
  });
  const summaries = summarizeBlocks([
    packed({ groupStart: 5, groupEnd: 9 }),
    packed({ groupStart: 0, groupEnd: 5 }),
    packed({ groupStart: 12, groupEnd: 12 }),
    packed({ groupStart: 10, groupEnd: 11, role: "delta" }),
    packed({ operator: "b" }),
  ]);
  expect(summaries.map((s) => [s.operator, s.role, s.groupStart, s.groupEnd, s.rawBytes])).toEqual([
    ["a", "base", 0, 9, 20],
    ["a", "base", 12, 12, 10],
    ["a", "delta", 10, 11, 10],
    ["b", "base", 0, 0, 10],
  ]);
});
