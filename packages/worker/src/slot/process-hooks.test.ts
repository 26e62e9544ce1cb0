import { sleep } from "@millrace/core";
import type { ProcessSpec } from "@millrace/graph";
import { expect, test } from "vitest";

import type { TestNode } from "../test-kit/slot-world.ts";
import { TestTarget, type TestRecord } from "../test-kit/test-connectors.ts";
import { drained, recordsOf, sinkNode, sourceNode, worldOf } from "../test-kit/test-jobs.ts";

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
