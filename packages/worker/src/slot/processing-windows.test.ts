import type { GeneralWindowSpec } from "@millrace/graph";
import { expect, test } from "vitest";

import type { SlotWorld, TestNode } from "../test-kit/slot-world.ts";
import { TestTarget, type TestRecord } from "../test-kit/test-connectors.ts";
import { drained, recordsOf, sinkNode, sourceNode, worldOf } from "../test-kit/test-jobs.ts";

/** The virtual wall clock begins at a multiple of it. */
const sizeMs = 10_000;

const counts: GeneralWindowSpec = {
  kind: "general-window",
  assigner: { kind: "tumbling", sizeMs, offsetMs: 0, time: "processing" },
  allowedLatenessMs: 0,
  aggregate: {
    create: () => 0,
    add: (count: number) => count + 1,
    merge: (into: number, from: number) => into + from,
    result: (
      count: number,
      { key, window }: { key: string; window: { start: number; end: number } },
    ) => `${key} [${window.start}, ${window.end}) ${count}`,
  },
};

function countNodes(target: TestTarget): TestNode[] {
  return [
    // 100 s of event time, which mean nothing here.
    sourceNode([recordsOf(10_000).filter((_, index) => index % 1_000 < 2)]),
    { name: "by-key", inputs: [0], spec: { kind: "key-by", key: (one: TestRecord) => one.key } },
    { name: "counts", inputs: [1], spec: counts },
    sinkNode(target, 2),
  ];
}

const results = ["key-0 [1000000, 1010000) 10", "key-1 [1000000, 1010000) 10"];

test("windows of processing time fire at their end, without a record to wake for", async () => {
  const target = new TestTarget();
  const world = worldOf(countNodes(target), { isAssigningByHand: true });
  await world.start();
  await assignOpenSplit(world);
  await world.time.run(9_900);
  expect(target.written).toEqual([]);
  await world.time.run(200);
  expect(target.written.map(String).toSorted()).toEqual(results);
});

test("windows of processing time that ended while the job was down fire once when it is back", async () => {
  const target = new TestTarget();
  const world = worldOf(countNodes(target), { isAssigningByHand: true });
  await world.start();
  await assignOpenSplit(world);
  await world.time.run(50);
  const restore = await world.checkpoint(1n);
  const again = worldOf(countNodes(target), { restore, attempt: 2, isAssigningByHand: true });
  again.time.spend(60_000);
  await again.start();
  await again.time.run(10);
  expect(target.written.map(String).toSorted()).toEqual(results);
  await again.time.run(60_000);
  expect(target.written).toHaveLength(2);
});

test("windows of processing time that are open at the end of input are dropped", async () => {
  const target = new TestTarget();
  const world = worldOf(countNodes(target));
  await world.start();
  await drained(world, "counts/0");
  await world.time.run(60_000);
  expect(target.written).toEqual([]);
  expect(world.failure()).toBeUndefined();
});

/** Hands the source its split and says that another may come: the input does not end. */
async function assignOpenSplit(world: SlotWorld): Promise<void> {
  await world.time.runUntil(() => world.events("request-split").length > 0);
  const [split] = world.pool();
  const [request] = world.events("request-split");
  if (split === undefined || request === undefined) throw new Error("the source asks for a split");
  const { vertexId, subtaskIndex, requestNumber } = request;
  world.broadcast({
    kind: "assign-split",
    vertexId,
    subtaskIndex,
    requestNumber,
    split,
    isPoolEmpty: false,
    poolLowerBoundMs: 0,
  });
}
