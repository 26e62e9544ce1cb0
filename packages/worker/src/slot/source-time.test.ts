import { parseVertexId, sleep } from "@millrace/core";
import type { SourceConnector, SourceSpec, WatermarkFunctions } from "@millrace/graph";
import { describe, expect, test } from "vitest";

import type { SlotWorld, TestNode } from "../test-kit/slot-world.ts";
import { testSource, TestTarget, type TestRecord } from "../test-kit/test-connectors.ts";
import { drained, recordsOf, sinkNode, sorted, worldOf } from "../test-kit/test-jobs.ts";

const timestamp = (record: TestRecord): number => record.atMs;

function node(name: string, spec: Omit<SourceSpec, "kind">): TestNode {
  return { name, inputs: [], spec: { kind: "source", ...spec } };
}

/** Records of a split come until its number, and then no more, without an end. */
function silentAfter(records: readonly TestRecord[]): SourceConnector<TestRecord> {
  return {
    ...testSource([]),
    isBounded: false,
    discover: () => Promise.resolve([{ id: "only", descriptor: null }]),
    createReader: ({ clock }) => ({
      open: async () => {
        let isRead = false;
        await sleep(clock, 1);
        return {
          nextBatch: async () => {
            if (isRead) await new Promise(() => {});
            isRead = true;
            await sleep(clock, 1);
            return { records, positionAt: (index) => index };
          },
          close: () => Promise.resolve(),
        };
      },
    }),
  };
}

/** Two sources over records with equal steps of time, and what both come to. */
function twoSources(quiet: Omit<SourceSpec, "kind">, target: TestTarget): readonly TestNode[] {
  const busy = node("busy", {
    connector: testSource([recordsOf(200)]),
    watermarks: { timestamp, outOfOrdernessMs: 0 },
    rateLimit: 100,
  });
  return [
    busy,
    node("quiet", quiet),
    { name: "both", inputs: [0, 1], spec: { kind: "union" } },
    { name: "all", inputs: [2], spec: { kind: "rebalance" } },
    sinkNode(target, 3),
  ];
}

/** The watermark at the sink, as the last snapshot has it. */
async function watermarkAt(world: SlotWorld, id: bigint): Promise<number> {
  await world.checkpoint(id);
  const done = world.events("snapshot-done").filter(({ checkpointId }) => checkpointId === id);
  return done.find(({ subtaskId }) => subtaskId === "board/0")?.watermarkMs ?? Number.NaN;
}

describe("a source that reads nothing", () => {
  const watermarks = { timestamp, outOfOrdernessMs: 0 };

  test("holds up event time, unless it is idle after some time", async () => {
    const connector = silentAfter(recordsOf(3));
    const holding = worldOf(twoSources({ connector, watermarks }, new TestTarget()));
    await holding.start();
    await holding.time.run(1_500);
    expect(await watermarkAt(holding, 1n)).toBe(19);

    const idle = { connector, watermarks: { ...watermarks, idleAfterMs: 500 } };
    const going = worldOf(twoSources(idle, new TestTarget()));
    await going.start();
    await going.time.run(400);
    expect(await watermarkAt(going, 1n)).toBe(19);
    await going.time.run(1_100);
    expect(await watermarkAt(going, 2n)).toBeGreaterThan(1_000);
  });

  test("does not stop event time at its end beside a finished one, nor does it end it", async () => {
    const idle = {
      connector: silentAfter([]),
      watermarks: { ...watermarks, idleAfterMs: 100 },
    };
    const world = worldOf(twoSources(idle, new TestTarget()));
    await world.start();
    await drained(world, "busy/0");
    await world.time.run(200);
    const watermarkMs = await watermarkAt(world, 1n);
    expect(watermarkMs).toBeGreaterThan(0);
    expect(watermarkMs).toBeLessThan(Infinity);
    expect(world.stateOf("board/0")).toBe("running");
  });
});

test("a source that has ended does not stop the checkpoints of one that goes on", async () => {
  const target = new TestTarget();
  const quiet = {
    connector: testSource([recordsOf(3)]),
    watermarks: { timestamp, outOfOrdernessMs: 0 },
  };
  const world = worldOf(twoSources(quiet, target));
  await world.start();
  await drained(world, "quiet/0");
  await world.time.run(100);
  expect(world.stateOf("busy/0")).toBe("running");
  const first = await world.checkpoint(1n);
  const done = first.flatMap((event) =>
    event.kind === "snapshot-done" ? [[event.subtaskId, event.isDrained]] : [],
  );
  expect(done).toEqual(
    expect.arrayContaining([
      ["busy/0", false],
      ["quiet/0", true],
      ["board/0", false],
    ]),
  );
  await world.time.run(100);
  await world.checkpoint(2n);
  expect(target.records().length).toBeGreaterThan(3);
});

describe("an author's watermark generator", () => {
  const records = recordsOf(20);
  const run = async (generator: () => WatermarkFunctions, rateLimit?: number) => {
    const connector = silentAfter(records);
    const watermarks = { timestamp, outOfOrdernessMs: 0, generator };
    const limit = rateLimit === undefined ? {} : { rateLimit };
    const world = worldOf([
      node("numbers", { connector, watermarks, ...limit }),
      { name: "all", inputs: [0], spec: { kind: "rebalance" } },
      sinkNode(new TestTarget(), 1),
    ]);
    await world.start();
    return world;
  };

  test("says the watermark by records, such as those that mark a time", async () => {
    const world = await run(() => ({
      onRecord: ({ value }: TestRecord, atMs: number) => (value === 7 ? atMs : undefined),
    }));
    await world.time.run(50);
    expect(await watermarkAt(world, 1n)).toBe(70);
  });

  test("is asked every 200 ms, also while no records come", async () => {
    let asked = 0;
    const world = await run(() => ({ onPeriodic: () => (asked += 1) }));
    await world.time.run(2_050);
    expect(asked).toBeGreaterThanOrEqual(10);
    expect(asked).toBeLessThanOrEqual(12);
    expect(await watermarkAt(world, 1n)).toBe(asked);
  });

  test("never makes the watermark fall (S12)", async () => {
    const world = await run(() => ({
      onRecord: ({ value }: TestRecord) => (value === 3 ? 500 : 10),
    }));
    await world.time.run(50);
    expect(await watermarkAt(world, 1n)).toBe(500);
  });

  test("that returns no number fails the job by name", async () => {
    const world = await run(() => ({ onRecord: () => Number.NaN }));
    await world.time.run(50);
    expect(world.failure()).toMatchObject({
      failure: {
        code: "user-function-failed",
        message: expect.stringContaining("the watermark generator of source numbers returned NaN"),
      },
    });
  });
});

test("splits without an end are read side by side, however few readers there are", async () => {
  const target = new TestTarget();
  const splits = [recordsOf(30), recordsOf(30, 5), recordsOf(30, 9)];
  const connector = { ...testSource(splits), isBounded: false };
  const watermarks = { timestamp, outOfOrdernessMs: 0 };
  const world = worldOf([
    node("numbers", { connector, watermarks, rateLimit: 60 }),
    sinkNode(target, 0),
  ]);
  await world.start();
  await world.time.run(700);
  const seen = new Set(target.written.map((record) => Number((record as TestRecord).atMs) % 10));
  expect(seen).toEqual(new Set([0, 5, 9]));
  expect(world.pool()).toEqual([]);
  await drained(world, "numbers/0");
  await world.checkpoint(1n);
  expect(sorted(target.records())).toEqual(sorted(splits.flat()));
});

describe("a source that looks for new splits", () => {
  const files = [recordsOf(5), recordsOf(5, 100)];
  const growing = (isThere: () => number): SourceConnector<TestRecord> => {
    const all = testSource(files);
    return {
      ...all,
      rediscoverMs: 100,
      discover: async (context) => (await all.discover(context)).slice(0, isThere()),
    };
  };
  const watermarks = { timestamp, outOfOrdernessMs: 0 };

  test("reports them as they come, and nothing while there are none", async () => {
    let count = 0;
    const connector = growing(() => count);
    const nodes = [node("numbers", { connector, watermarks }), sinkNode(new TestTarget(), 0)];
    const world = worldOf(nodes, { isAssigningByHand: true });
    await world.start();
    const reports = (): readonly (readonly string[])[] =>
      world.events("discovered-splits").map(({ splits }) => splits.map(({ id }) => id));
    await world.time.run(1_000);
    expect(reports()).toEqual([[]]);
    count = 2;
    await world.time.run(150);
    expect(reports()).toEqual([[], ["split-0", "split-1"]]);
    expect(world.events("discovered-splits").every(({ hasMore }) => hasMore === true)).toBe(true);
  });

  test("holds up nobody's event time while a reader waits for one", async () => {
    const target = new TestTarget();
    const nodes = twoSources({ connector: growing(() => 1), watermarks }, target);
    const world = worldOf(nodes, { isAssigningByHand: true });
    await world.start();
    const assign = (vertexId: string, split?: string): void => {
      const request = world.events("request-split").findLast((one) => one.vertexId === vertexId);
      if (request === undefined) throw new Error(`${vertexId} has asked for nothing`);
      world.broadcast({
        ...request,
        kind: "assign-split",
        ...(split === undefined ? {} : { split: { id: split, descriptor: 0 } }),
        isPoolEmpty: false,
        poolLowerBoundMs: Infinity,
      });
    };
    await world.time.run(50);
    assign("busy", "split-0");
    assign("quiet");
    await world.time.run(1_000);
    expect(await watermarkAt(world, 1n)).toBeGreaterThan(500);
    // The same request is answered again, once there is a split.
    assign("quiet", "split-0");
    await world.time.run(500);
    expect(target.written.filter((record) => (record as TestRecord).atMs < 50)).toHaveLength(10);
  });
});

describe("a source that is aligned with others", () => {
  const alignment = { group: "g", maxDriftMs: 100 };
  const watermarks = { timestamp, outOfOrdernessMs: 0, alignment };

  test("waits above its limit, and reads on once that has risen", async () => {
    const target = new TestTarget();
    const connector = testSource([recordsOf(100)], { batchSize: 5 });
    const world = worldOf([node("numbers", { connector, watermarks }), sinkNode(target, 0)]);
    await world.start();
    const vertexId = parseVertexId("numbers");
    const align = (maxWatermarkMs: number): void =>
      world.broadcast({ kind: "align-sources", limits: [{ vertexId, maxWatermarkMs }] });
    align(200);
    await world.time.run(2_000);
    // The batch that goes beyond the limit is read to its end.
    expect(target.written).toHaveLength(25);
    const { alignedMs } = world
      .events("metrics")
      .flatMap(({ subtasks }) => subtasks)
      .findLast(({ subtaskId }) => subtaskId === "numbers/0") ?? { alignedMs: undefined };
    expect(alignedMs).toBe(239);
    align(5_000);
    await drained(world, "numbers/0");
    expect(target.written).toHaveLength(100);
  });

  test("reads its splits that are behind while others wait", async () => {
    const target = new TestTarget();
    const splits = [recordsOf(20, 1_000), recordsOf(20)];
    const connector = { ...testSource(splits, { batchSize: 5 }), isBounded: false };
    const world = worldOf([node("numbers", { connector, watermarks }), sinkNode(target, 0)]);
    await world.start();
    const limits = [{ vertexId: parseVertexId("numbers"), maxWatermarkMs: 500 }];
    world.broadcast({ kind: "align-sources", limits });
    await world.time.run(1_000);
    const times = target.written.map((record) => (record as TestRecord).atMs);
    expect(times.filter((atMs) => atMs < 1_000)).toHaveLength(20);
    expect(times.filter((atMs) => atMs >= 1_000).length).toBeLessThan(20);
  });
});
