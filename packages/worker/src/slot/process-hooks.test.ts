import { sleep, type Logger } from "@millrace/core";
import type { PlainFunctions, ProcessSpec } from "@millrace/graph";
import { describe, expect, test } from "vitest";

import type { TestNode } from "../test-kit/slot-world.ts";
import { TestTarget, type TestRecord } from "../test-kit/test-connectors.ts";
import {
  drained,
  letGo,
  recordsOf,
  sinkNode,
  slowSource,
  sourceNode,
  worldOf,
} from "../test-kit/test-jobs.ts";

interface Opened {
  readonly operatorName: string;
  readonly subtaskIndex: number;
  readonly parallelism: number;
  readonly attempt: number;
  readonly isRestored: boolean;
}

function nodesWith(target: TestTarget, hooks: Partial<ProcessSpec>): TestNode[] {
  const key = (one: TestRecord): string => one.key;
  return [
    sourceNode([recordsOf(10)]),
    { name: "by-key", inputs: [0], spec: { kind: "key-by", key } },
    { name: "told", inputs: [1], spec: { kind: "process", state: {}, onRecord: tell, ...hooks } },
    sinkNode(target, 2),
  ];
}

/** The same operator over two inputs. */
function connectedNodes(target: TestTarget, hooks: Partial<ProcessSpec>): TestNode[] {
  const [source, byKey, told, sink] = nodesWith(target, { onSecond: tell, ...hooks });
  if (source === undefined || byKey === undefined || told === undefined || sink === undefined) {
    throw new Error("a job of four nodes");
  }
  const second = { ...byKey, name: "by-key-too" };
  return [source, byKey, second, { ...told, inputs: [1, 2] }, { ...sink, inputs: [3] }];
}

function tell(record: TestRecord, ctx: { emit(value: unknown): void }): void {
  ctx.emit(record.value);
}

test.each([
  ["of one input", nodesWith, 10],
  ["of two inputs", connectedNodes, 20],
] as const)("open comes before the first record %s, close behind the last", async (...row) => {
  const [, make, count] = row;
  const target = new TestTarget();
  const opened: Opened[] = [];
  const told: string[] = [];
  const world = worldOf(
    make(target, {
      open: async (ctx: Opened) => {
        opened.push(ctx);
        await sleep(world.time.clock, 500);
        told.push(`open, ${target.written.length} records`);
      },
      close: () => void told.push(`close, ${target.written.length} records`),
    }),
  );
  await world.start();
  expect(world.time.nowMs()).toBeGreaterThanOrEqual(500);
  await drained(world, "told/0");
  expect(told).toEqual(["open, 0 records", `close, ${count} records`]);
  expect(opened).toEqual([
    { operatorName: "told", subtaskIndex: 0, parallelism: 1, attempt: 1, isRestored: false },
  ]);
});

test("open comes again in an attempt that goes on from a checkpoint, when its state is there", async () => {
  const target = new TestTarget();
  const opened: Opened[] = [];
  const nodes = nodesWith(target, { open: (ctx: Opened) => void opened.push(ctx) });
  const world = worldOf(nodes);
  await world.start();
  const snapshot = await world.checkpoint(1n);
  const again = worldOf(nodes, { restore: snapshot, attempt: 2, pool: [] });
  await again.start();
  expect(opened).toMatchObject([
    { attempt: 1, isRestored: false },
    { attempt: 2, isRestored: true },
  ]);
});

test("a subtask is drained when close has returned", async () => {
  let release = (): void => {};
  const nodes = nodesWith(new TestTarget(), {
    close: () =>
      new Promise<void>((resolve) => {
        release = resolve;
      }),
  });
  const world = worldOf(nodes);
  await world.start();
  await world.time.run(5_000);
  expect(world.stateOf("numbers/0")).toBe("drained");
  expect(world.stateOf("told/0")).not.toBe("drained");
  release();
  await drained(world, "told/0");
});

test.each([
  ["open", "open of operator told threw Error: no lamp"],
  ["close", "close of operator told threw Error: no lamp"],
] as const)("what %s throws fails the attempt and names the operator", async (hook, text) => {
  const fails = (): Promise<void> => Promise.reject(new Error("no lamp"));
  const world = worldOf(nodesWith(new TestTarget(), { [hook]: fails }));
  await world.start();
  await world.time.run(1_000);
  expect(world.failure()).toMatchObject({
    failure: {
      code: "user-function-failed",
      message: expect.stringContaining(text) as string,
      location: { subtask: "told/0", operator: "told" },
    },
  });
});

describe("close, where the slot is ended", () => {
  test("runs while records still come, and none comes behind it", async () => {
    const target = new TestTarget();
    const told: string[] = [];
    const nodes = nodesWith(target, { close: () => void told.push("close") });
    const world = worldOf([slowSource(), ...nodes.slice(1)]);
    await world.start();
    expect(world.events("holds-outside")).toHaveLength(1);
    await world.time.run(500);
    expect(told).toEqual([]);
    await letGo(world);
    const { length } = target.written;
    await world.time.run(5_000);
    expect(told).toEqual(["close"]);
    expect(length).toBeGreaterThan(0);
    expect(target.written).toHaveLength(length);
    expect(world.failure()).toBeUndefined();
  });

  test("runs behind a failure, of which nothing is told twice", async () => {
    const told: string[] = [];
    const fails = (): void => {
      throw new Error("no lamp");
    };
    const hooks = { onRecord: fails, close: () => void told.push("close") };
    const world = worldOf(nodesWith(new TestTarget(), hooks));
    await world.start();
    await world.time.run(1_000);
    expect(world.failure()).toBeDefined();
    expect(told).toEqual([]);
    await letGo(world);
    expect(told).toEqual(["close"]);
    expect(
      world.events("subtask-state").filter(({ state }) => state.kind === "failed"),
    ).toHaveLength(1);
  });

  test("does not run again behind the end of input, but is waited for", async () => {
    const told: string[] = [];
    let release = (): void => {};
    const hooks = {
      close: async () => {
        told.push("close");
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        told.push("closed");
      },
    };
    const world = worldOf(nodesWith(new TestTarget(), hooks));
    await world.start();
    await world.time.run(1_000);
    expect(told).toEqual(["close"]);
    world.broadcast({ kind: "let-go" });
    await world.time.run(1_000);
    expect(world.events("let-go")).toEqual([]);
    release();
    await world.time.runUntil(() => world.events("let-go").length === 1);
    expect(told).toEqual(["close", "closed"]);
  });

  test("waits for an open that runs, and runs behind one that failed", async () => {
    for (const isFailing of [false, true]) {
      const told: string[] = [];
      const world = worldOf(
        nodesWith(new TestTarget(), {
          open: async () => {
            told.push("open");
            await sleep(world.time.clock, 500);
            told.push("opened");
            if (isFailing) throw new Error("no lamp");
          },
          close: () => void told.push("close"),
        }),
      );
      await world.prepare();
      await world.time.run(isFailing ? 600 : 100);
      await letGo(world);
      expect(told).toEqual(["open", "opened", "close"]);
    }
  });

  test("does not keep others from closing when it throws", async () => {
    const told: string[] = [];
    const close = async (): Promise<void> => {
      told.push("close");
      await Promise.reject(new Error("no lamp"));
    };
    const warned: unknown[] = [];
    const logger: Logger = {
      log: (level, message, fields) => void (level === "warn" && warned.push([message, fields])),
      with: () => logger,
    };
    const nodes = connectedNodes(new TestTarget(), { close });
    const world = worldOf(nodes, { parallelism: 2, ports: { logger } });
    await world.start();
    await letGo(world);
    expect(told).toEqual(["close", "close"]);
    expect(warned).toMatchObject([
      ["closing failed", { operator: "told", cause: expect.stringContaining("no lamp") as string }],
      ["closing failed", { operator: "told" }],
    ]);
  });

  test("is not asked for where no operator has one", async () => {
    const world = worldOf(nodesWith(new TestTarget(), { open: () => {} }));
    await world.start();
    expect(world.events("holds-outside")).toEqual([]);
    await letGo(world);
  });
});

describe("close of a process without keys", () => {
  function plainNodes(told: string[], target = new TestTarget()): TestNode[] {
    const create = (): PlainFunctions => ({
      initializeState: () => void told.push("initialize"),
      onRecord: tell,
      onEnd: () => void told.push("end"),
      close: () => void told.push("close"),
    });
    return [
      slowSource(),
      { name: "told", inputs: [0], spec: { kind: "plain-process", create } },
      sinkNode(target, 1),
    ];
  }

  test("runs behind the end, also in a chain with its source, and before that is drained", async () => {
    const told: string[] = [];
    const world = worldOf(plainNodes(told));
    await world.start();
    await drained(world, "numbers/0");
    expect(told).toEqual(["initialize", "end", "close"]);
    await letGo(world);
    expect(told).toHaveLength(3);
  });

  test("runs where the slot is ended", async () => {
    const told: string[] = [];
    const world = worldOf(plainNodes(told));
    await world.start();
    await world.time.run(500);
    await letGo(world);
    expect(told).toEqual(["initialize", "close"]);
  });

  test("of a subtask counts as drained once it has returned, also for a checkpoint", async () => {
    let release = (): void => {};
    const [source, , sink] = plainNodes([]);
    const create = (): PlainFunctions => ({
      onRecord: tell,
      close: () =>
        new Promise<void>((resolve) => {
          release = resolve;
        }),
    });
    if (source === undefined || sink === undefined) throw new Error("three nodes");
    const spec = { kind: "plain-process", create } as const;
    const world = worldOf([source, { name: "told", inputs: [0], spec }, sink]);
    await world.start();
    await world.time.run(60_000);
    const before = await world.checkpoint(1n);
    expect(before.find(({ kind }) => kind === "snapshot-done")).toMatchObject({ isDrained: false });
    expect(world.stateOf("numbers/0")).not.toBe("drained");
    release();
    await drained(world, "numbers/0");
    const after = await world.checkpoint(2n);
    expect(after.find(({ kind }) => kind === "snapshot-done")).toMatchObject({ isDrained: true });
  });
});
