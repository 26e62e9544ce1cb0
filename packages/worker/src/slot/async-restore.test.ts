import type { SplitRecord } from "@millrace/checkpoint";
import { expect, test } from "vitest";

import { asyncNodes, asyncSpec, TestService, type Call } from "../test-kit/async-jobs.ts";
import type { TestNode, WorldOptions } from "../test-kit/slot-world.ts";
import { TestTarget, type TestRecord } from "../test-kit/test-connectors.ts";
import {
  drained,
  expectedSums,
  recordsOf,
  sinkNode,
  sorted,
  sourceNode,
  sumPerWindow,
  worldOf,
} from "../test-kit/test-jobs.ts";

const numbers = Array.from({ length: 40 }, (_, value) => value);

function runOf(
  delayMs: (value: number) => number,
  capacity: number,
  worldOptions: Partial<WorldOptions> = {},
) {
  const target = new TestTarget();
  const service = new TestService(delayMs);
  const spec = asyncSpec(service.ask, { capacity });
  const world = worldOf(asyncNodes(target, [recordsOf(40)], { spec }), worldOptions);
  return { world, target, service };
}

const parallelisms = [1, 2, 3].flatMap((before) =>
  [1, 2, 3].map((after): readonly [number, number] => [before, after]),
);

test.each(parallelisms)(
  "asks again for what was in flight, each result once, at parallelism %i and then %i",
  async (before, after) => {
    const splits = [0, 1, 2].map((split) =>
      recordsOf(30, split * 300).map((one) => ({ ...one, value: one.value + split * 100 })),
    );
    const target = new TestTarget();
    const spec = asyncSpec(new TestService((value) => (value % 2 === 0 ? 40 : 4)).ask, {
      capacity: 8,
      isOrdered: before !== after,
    });
    const world = worldOf(asyncNodes(target, splits, { spec }), { parallelism: before });
    let pool = world.pool();
    world.onInject = (cut) => {
      pool = cut;
    };
    await world.start();
    await world.time.run(25);
    const snapshot = await world.checkpoint(1n);
    const restored = worldOf(asyncNodes(target, splits, { spec }), {
      parallelism: after,
      restore: snapshot,
      attempt: 2,
      pool,
    });
    await restored.start();
    for (let index = 0; index < after; index += 1) await drained(restored, `enriched/${index}`);
    await restored.checkpoint(2n);
    expect(sorted(target.records())).toEqual(
      sorted(splits.flatMap((records) => records.map(({ value }) => value))),
    );
  },
);

test.each(parallelisms)(
  "makes no result late for the windows behind, at parallelism %i and then %i",
  async (before, after) => {
    const splits = [0, 200, 500, 900].map((offset) => recordsOf(40, offset));
    const target = new TestTarget();
    const service = new TestService((value) => (value % 7 === 0 ? 120 : 10));
    const ask = async (record: TestRecord, call: Call): Promise<TestRecord> => {
      await service.ask(record, call);
      return { ...record, value: record.value * 2 };
    };
    const spec = asyncSpec(ask, { capacity: 12, isOrdered: false });
    const key = (record: TestRecord): string => record.key;
    const nodes = (): TestNode[] => [
      sourceNode(splits),
      { name: "enriched", inputs: [0], spec },
      { name: "by-key", inputs: [1], spec: { kind: "key-by", key } },
      { name: "sums", inputs: [2], spec: sumPerWindow },
      sinkNode(target, 3),
    ];
    let last: Pick<WorldOptions, "restore" | "pool"> = {};
    // Two restores, with requests in flight each time.
    for (const [index, parallelism] of [before, after, before].entries()) {
      const world = worldOf(nodes(), { parallelism, attempt: index + 1, ...last });
      let pool: readonly SplitRecord[] = [];
      world.onInject = (cut) => {
        pool = cut;
      };
      await world.start();
      if (index < 2) {
        await world.time.run(40 + 30 * index);
        last = { restore: await world.checkpoint(BigInt(index + 1)), pool };
        continue;
      }
      for (let subtask = 0; subtask < parallelism; subtask += 1) {
        await drained(world, `sums/${subtask}`);
      }
      await world.checkpoint(9n);
    }
    expect(sorted(target.records())).toEqual(expectedSums(splits));
  },
);

test("asks for restored records before any new one, in their order, within the capacity", async () => {
  const first = runOf(() => 100_000, 40);
  await first.world.start();
  await first.world.time.run(200);
  const snapshot = await first.world.checkpoint(1n, false);
  const second = runOf(() => 20, 4, { restore: snapshot, attempt: 2, pool: [] });
  await second.world.start();
  await drained(second.world, "enriched/0");
  expect(second.target.written).toEqual(numbers);
  expect(second.service.asked).toEqual(numbers);
  expect(second.service.mostOpen).toBe(4);
  // Ten times four of 20 ms: nobody waits for another reason to go on.
  expect(second.world.time.nowMs()).toBeLessThan(300);
});

test("a snapshot right after a restore holds what was not asked for yet", async () => {
  const first = runOf(() => 100_000, 40);
  await first.world.start();
  await first.world.time.run(200);
  const one = await first.world.checkpoint(1n, false);
  const second = runOf(() => 100_000, 2, { restore: one, attempt: 2, pool: [] });
  await second.world.start();
  await second.world.time.run(100);
  const two = await second.world.checkpoint(2n, false);
  const third = runOf(() => 1, 10, { restore: two, attempt: 3, pool: [] });
  await third.world.start();
  await drained(third.world, "enriched/0");
  expect(third.target.written).toEqual(numbers);
});
