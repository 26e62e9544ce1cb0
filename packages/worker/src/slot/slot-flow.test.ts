import { noFailpoints, type Failpoints } from "@millrace/core";
import { describe, expect, test } from "vitest";

import { channelRoom } from "../test-kit/memory-exchange.ts";
import type { TestNode } from "../test-kit/slot-world.ts";
import { TestTarget } from "../test-kit/test-connectors.ts";
import {
  chainNodes,
  drained,
  expectedSums,
  listEntries,
  mapNode,
  recordsOf,
  sinkNode,
  sorted,
  sourceNode,
  windowNodes,
  worldOf,
} from "../test-kit/test-jobs.ts";

const twoSlotSplits = [0, 300, 900, 1_500].map((offset) => recordsOf(120, offset));

describe("the end", () => {
  test("reports drained downstream after everything fired, and barriers still pass", async () => {
    const target = new TestTarget();
    const splits = [recordsOf(50)];
    const world = worldOf(windowNodes(target, splits));
    await world.start();
    await drained(world, "sums/0");
    expect(world.stateOf("numbers/0")).toBe("drained");
    const snapshot = await world.checkpoint(1n);
    expect(sorted(target.records())).toEqual(expectedSums(splits));
    expect(snapshot.filter(({ kind }) => kind === "snapshot-done")).toMatchObject([
      { isDrained: true, watermarkMs: Infinity },
      { isDrained: true, watermarkMs: Infinity },
    ]);
  });

  test("does not come from stop-sources: windows stay open and positions are kept", async () => {
    const target = new TestTarget();
    const splits = [recordsOf(50)];
    const world = worldOf(windowNodes(target, splits, 1_000));
    await world.start();
    await world.time.run(25);
    world.broadcast({ kind: "stop-sources", isDrain: false });
    await world.time.run(500);
    expect(world.stateOf("numbers/0")).toBe("stopped");
    const snapshot = await world.checkpoint(1n);
    const writtenCount = target.written.length;
    expect(writtenCount).toBeLessThan(expectedSums(splits).length);
    const resumed = worldOf(windowNodes(target, splits), {
      restore: snapshot,
      attempt: 2,
      pool: [],
    });
    await resumed.start();
    await drained(resumed, "sums/0");
    await resumed.checkpoint(2n);
    expect(sorted(target.records())).toEqual(expectedSums(splits));
  });

  test("comes from stop-sources with drain: half-filled windows fire", async () => {
    const target = new TestTarget();
    const world = worldOf(windowNodes(target, [recordsOf(1_000)], 1_000));
    await world.start();
    await world.time.run(100);
    world.broadcast({ kind: "stop-sources", isDrain: true });
    await drained(world, "sums/0");
    expect(world.stateOf("numbers/0")).toBe("drained");
    const snapshot = await world.checkpoint(1n);
    const [entry] = listEntries(snapshot, "numbers");
    const consumed = recordsOf(1_000).slice(0, Number(entry?.["position"]));
    expect(sorted(target.records())).toEqual(expectedSums([consumed]));
  });
});

describe("time", () => {
  test("of a source is the least of its splits and of the pool", async () => {
    const splits = [recordsOf(30, 1_000), recordsOf(30, 400)];
    const world = worldOf(windowNodes(new TestTarget(), splits, 1_000));
    await world.start();
    await world.time.run(20);
    // The first split is being read at 1,000 and later; the pool holds one from 400 on.
    await world.checkpoint(1n);
    const read = world.events("snapshot-done").find(({ subtaskId }) => subtaskId === "numbers/0");
    expect(read?.watermarkMs).toBe(399);
    await drained(world, "numbers/0");
    await world.checkpoint(2n);
    expect(world.events("snapshot-done").at(-1)?.watermarkMs).toBe(Infinity);
  });

  test("without watermarks stands still until the end of input", async () => {
    const source = sourceNode([recordsOf(200)]);
    const spec = source.spec.kind === "source" ? { ...source.spec, rateLimit: 1_000 } : source.spec;
    const { watermarks: _unused, ...bare } = { watermarks: undefined, ...spec };
    const world = worldOf([{ ...source, spec: bare }, sinkNode(new TestTarget(), 0)]);
    await world.start();
    await world.time.run(50);
    await world.checkpoint(1n);
    expect(world.events("snapshot-done").at(-1)?.watermarkMs).toBe(-Infinity);
    await drained(world, "numbers/0");
    await world.checkpoint(2n);
    expect(world.events("snapshot-done").at(-1)?.watermarkMs).toBe(Infinity);
  });

  test("limits the rate over all subtasks", async () => {
    const target = new TestTarget();
    const world = worldOf(windowNodes(target, [recordsOf(5_000), recordsOf(5_000)], 1_000), {
      parallelism: 2,
    });
    await world.start();
    await world.time.run(3_100);
    const read = world
      .events("metrics")
      .flatMap(({ subtasks }) => subtasks)
      .filter(({ subtaskId }) => subtaskId.startsWith("numbers/"));
    const [one, other] = [
      read.findLast((m) => m.subtaskId === "numbers/0"),
      read.findLast((m) => m.subtaskId === "numbers/1"),
    ];
    const total = (one?.recordsIn ?? 0) + (other?.recordsIn ?? 0);
    expect(total).toBeGreaterThan(2_700);
    expect(total).toBeLessThan(3_200);
  });
});

describe("back-pressure", () => {
  test("bounds what a source emits into a channel that nobody reads", async () => {
    let isStuck = true;
    const target = new TestTarget();
    const connector = target.connector();
    const sink: TestNode = {
      name: "board",
      inputs: [1],
      spec: {
        kind: "sink",
        connector: {
          ...connector,
          createWriter: (context) => ({
            ...connector.createWriter(context),
            bufferedBytes: () => (isStuck ? 64 * 1024 * 1024 : 0),
            flush: () => new Promise(() => {}),
          }),
        },
      },
    };
    const world = worldOf([
      sourceNode([recordsOf(500)]),
      { name: "spread", inputs: [0], spec: { kind: "rebalance" } },
      sink,
    ]);
    await world.start();
    await world.time.run(2_500);
    expect(target.written.length).toBe(0);
    const source = world
      .events("metrics")
      .at(-1)
      ?.subtasks.find((m) => m.subtaskId === "numbers/0");
    expect(source?.recordsOut).toBeGreaterThanOrEqual(channelRoom);
    expect(source?.recordsOut).toBeLessThan(channelRoom + 10);
    expect(source?.backpressuredMs).toBeGreaterThan(1_000);
    isStuck = false;
    await drained(world, "board/0");
    expect(target.written.length).toBe(500);
  });

  test("flushes a sink that holds records back, and goes on", async () => {
    const target = new TestTarget();
    target.heldBackBytes = 8 * 1024 * 1024;
    const world = worldOf(chainNodes(target, [recordsOf(10)]));
    await world.start();
    await drained(world, "numbers/0");
    expect(target.flushCount).toBeGreaterThan(0);
    expect(target.written.length).toBe(10);
  });
});

describe.each([
  { exchange: "records in memory", isEncoding: false },
  { exchange: "encoded frames", isEncoding: true },
])("two slots over $exchange", ({ isEncoding }) => {
  test("give the same output as one thread would (S13)", async () => {
    const target = new TestTarget();
    const world = worldOf(windowNodes(target, twoSlotSplits), { parallelism: 2, isEncoding });
    await world.start();
    await drained(world, "sums/0");
    await drained(world, "sums/1");
    await world.checkpoint(1n);
    expect(sorted(target.records())).toEqual(expectedSums(twoSlotSplits));
  });

  test.each([1, 2, 3])(
    "restore into %i fresh slots with equal output (S9, S11, S13)",
    async (parallelism) => {
      const target = new TestTarget();
      const first = worldOf(windowNodes(target, twoSlotSplits, 10_000), {
        parallelism: 2,
        isEncoding,
      });
      await first.start();
      await first.time.run(20);
      const snapshot = await first.checkpoint(1n);
      const pool = first.pool();
      await first.time.run(5);
      expect(first.stateOf("sums/0")).toBe("running");

      const second = worldOf(windowNodes(target, twoSlotSplits), {
        parallelism,
        isEncoding,
        restore: snapshot,
        attempt: 2,
        pool,
      });
      await second.start();
      for (let index = 0; index < parallelism; index += 1) {
        await drained(second, `sums/${index}`);
      }
      await second.checkpoint(2n);
      expect(sorted(target.records())).toEqual(expectedSums(twoSlotSplits));
    },
  );
});

describe("two slots", () => {
  test("lose records when the planted bug drops a split (split-lost-on-restore)", async () => {
    const target = new TestTarget();
    const failpoints: Failpoints = { isActive: (name) => name === "split-lost-on-restore" };
    const first = worldOf(windowNodes(target, twoSlotSplits, 10_000), { parallelism: 2 });
    await first.start();
    await first.time.run(20);
    const snapshot = await first.checkpoint(1n);
    const restored = { restore: snapshot, attempt: 2, pool: first.pool(), parallelism: 2 };
    const second = worldOf(windowNodes(target, twoSlotSplits), { ...restored, failpoints });
    await second.start();
    await drained(second, "sums/0");
    await drained(second, "sums/1");
    await second.checkpoint(2n);
    expect(sorted(target.records())).not.toEqual(expectedSums(twoSlotSplits));
    expect(noFailpoints.isActive("split-lost-on-restore")).toBe(false);
  });
});

describe("a functions' step", () => {
  test("that emits after it returned is refused", async () => {
    let late: ((value: unknown) => void) | undefined;
    const world = worldOf([
      sourceNode([recordsOf(2)]),
      {
        name: "spill",
        inputs: [0],
        spec: {
          kind: "flat-map",
          flatMap: (_record: unknown, emit: (value: unknown) => void) => {
            emit(1);
            late = emit;
            return undefined;
          },
        },
      },
      mapNode((record) => record, 1),
      sinkNode(new TestTarget(), 2),
    ]);
    await world.start();
    await drained(world, "numbers/0");
    expect(() => late?.(2)).toThrow(/spill was called after its function had returned/);
  });
});
