import { describe, expect, test } from "vitest";

import { SlotWorld, jobOf, type TestNode } from "../test-kit/slot-world.ts";
import { TestTarget, testSource, type TestRecord } from "../test-kit/test-connectors.ts";

const watermarks = { timestamp: (record: TestRecord) => record.atMs, outOfOrdernessMs: 5 };

function recordsOf(count: number, offset = 0): TestRecord[] {
  return Array.from({ length: count }, (_, index) => ({
    key: `key-${index % 5}`,
    atMs: offset + index * 10,
    value: index,
  }));
}

function chainJob(target: TestTarget, splits: readonly (readonly TestRecord[])[]): TestNode[] {
  return [
    { name: "numbers", inputs: [], spec: { kind: "source", connector: testSource(splits), watermarks } },
    { name: "double", inputs: [0], spec: { kind: "map", map: (record: TestRecord) => record.value * 2 } },
    { name: "odd", inputs: [1], spec: { kind: "filter", filter: (value: number) => value % 4 === 2 } },
    { name: "twice", inputs: [2], spec: { kind: "flat-map", flatMap: (value: number) => [value, value + 1] } },
    { name: "board", inputs: [3], spec: { kind: "sink", connector: target.connector() } },
  ];
}

describe("a slot with one chain", () => {
  test("runs source, functions and sink, drains, and publishes after the commit", async () => {
    const target = new TestTarget();
    const world = new SlotWorld({ job: jobOf(chainJob(target, [recordsOf(10)])), parallelism: 1 });
    await world.start();
    await world.time.runUntil(() => world.stateOf("numbers/0") === "drained");
    await world.checkpoint(1n, false);
    expect(target.records()).toEqual([]);
    await world.checkpoint(2n);
    expect(target.records()).toEqual([2, 3, 6, 7, 10, 11, 14, 15, 18, 19]);
    expect(world.events("published").map(({ checkpointId }) => checkpointId)).toEqual([2n]);
  });
});
