import type { PlainProcessSpec } from "@millrace/graph";
import { describe, expect, test } from "vitest";

import type { TestNode } from "../test-kit/slot-world.ts";
import { TestTarget, type TestRecord } from "../test-kit/test-connectors.ts";
import {
  chainNodes,
  drained,
  recordsOf,
  sinkNode,
  sourceNode,
  worldOf,
} from "../test-kit/test-jobs.ts";

/** Emits each record twice, once aside; says with what time it came. */
const aside: PlainProcessSpec = {
  kind: "plain-process",
  create: () => ({
    onRecord: ({ value }: TestRecord, ctx: Context) => {
      ctx.emit(`${value} at ${ctx.timestamp}`);
      ctx.emitTo({ name: "odd" }, value);
    },
  }),
};

interface Context {
  readonly timestamp: number;
  emit(value: unknown): void;
  emitTo(tag: { readonly name: string }, value: unknown): void;
}

test("of map, filter, flatMap and print nothing is in a snapshot", async () => {
  const nodes = [
    ...chainNodes(new TestTarget(), [recordsOf(30)]),
    { name: "log", inputs: [3], spec: { kind: "print", label: "" } as const },
  ];
  const world = worldOf(nodes, { isAssigningByHand: true });
  await world.start();
  const snapshot = await world.checkpoint(1n);
  const stored = snapshot.flatMap((event) =>
    event.kind === "snapshot-block" ? [event.block.operator] : [],
  );
  expect([...new Set(stored)].toSorted()).toEqual(["board", "numbers"]);
});

test("a timer sees the watermark that fires it, what is behind it in the chain the one before", async () => {
  const target = new TestTarget();
  interface TimerContext extends Context {
    readonly watermark: number;
    readonly timers: { atEventTime(timeMs: number): void };
  }
  interface Fired {
    readonly timeMs: number;
    readonly watermark: number;
  }
  const world = worldOf([
    sourceNode([recordsOf(200)]),
    { name: "by-key", inputs: [0], spec: { kind: "key-by", key: ({ key }: TestRecord) => key } },
    {
      name: "timed",
      inputs: [1],
      spec: {
        kind: "process",
        state: {},
        onRecord: ({ atMs }: TestRecord, ctx: TimerContext) => ctx.timers.atEventTime(atMs),
        onTimer: (timeMs: number, ctx: TimerContext) =>
          ctx.emit({ timeMs, watermark: ctx.watermark }),
      },
    },
    {
      name: "behind",
      inputs: [2],
      spec: {
        kind: "plain-process",
        create: () => ({
          onRecord: (fired: Fired, ctx: TimerContext) =>
            ctx.emit([fired, { ...fired, watermark: ctx.watermark }]),
        }),
      },
    },
    sinkNode(target, 3),
  ]);
  await world.start();
  await drained(world, "timed/0");
  expect(target.written).toHaveLength(200);
  for (const [inTimer, behind] of target.written as readonly (readonly [Fired, Fired])[]) {
    expect(inTimer.watermark).toBeGreaterThanOrEqual(inTimer.timeMs);
    expect(behind.watermark).toBeLessThan(behind.timeMs);
  }
});

describe("a union", () => {
  test("gives the records of all its inputs with their times, each input's in order", async () => {
    const target = new TestTarget();
    const said = (record: TestRecord): number => record.value;
    const second = sourceNode([recordsOf(40, 1_000)]);
    const world = worldOf([
      sourceNode([recordsOf(40)]),
      { ...second, name: "others" },
      {
        name: "negative",
        inputs: [1],
        spec: { kind: "map", map: (one: TestRecord) => ({ ...one, value: -1 - one.value }) },
      },
      { name: "both", inputs: [0, 2], spec: { kind: "union" } },
      { name: "values", inputs: [3], spec: { kind: "map", map: said } },
      sinkNode(target, 4),
    ]);
    await world.start();
    await drained(world, "numbers/0");
    await drained(world, "others/0");
    await world.time.run(100);
    const values = target.written.map(Number);
    const numbers = Array.from({ length: 40 }, (_, index) => index);
    expect(values.filter((value) => value >= 0)).toEqual(numbers);
    expect(values.filter((value) => value < 0)).toEqual(numbers.map((number) => -1 - number));
  });
});

describe("a side output", () => {
  const nodesOf = (target: TestTarget): TestNode[] => [
    sourceNode([recordsOf(3)]),
    { name: "split", inputs: [0], spec: aside },
    sinkNode(target, 1),
  ];

  test("has the records in the order in which they were emitted, apart from the main output", async () => {
    const target = new TestTarget();
    const odd = new TestTarget();
    const world = worldOf([
      ...nodesOf(target),
      { name: "odd", inputs: [1], spec: { kind: "side-output", tag: "odd" } },
      { ...sinkNode(odd, 3), name: "odd-board" },
    ]);
    await world.start();
    await world.time.run(200);
    expect(target.written).toEqual(["0 at 0", "1 at 10", "2 at 20"]);
    expect(odd.written).toEqual([0, 1, 2]);
  });

  test("that nobody reads is dropped", async () => {
    const target = new TestTarget();
    const world = worldOf(nodesOf(target));
    await world.start();
    await world.time.run(200);
    expect(target.written).toEqual(["0 at 0", "1 at 10", "2 at 20"]);
    expect(world.failure()).toBeUndefined();
  });
});
