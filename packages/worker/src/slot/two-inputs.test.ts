import type { IntervalJoinSpec, OperatorSpec, ProcessSpec } from "@millrace/graph";
import { describe, expect, test } from "vitest";

import type { SlotWorld, TestNode } from "../test-kit/slot-world.ts";
import { testSource, TestTarget, type TestRecord } from "../test-kit/test-connectors.ts";
import { drained, sinkNode, sorted, worldOf } from "../test-kit/test-jobs.ts";

/** Records of one key a second apart, each followed by its own time as a watermark. */
function sourceOf(name: string, times: readonly number[]): TestNode {
  const records = times.map((atMs, value) => ({ key: "k", atMs, value }));
  const watermarks = {
    timestamp: ({ atMs }: TestRecord) => atMs,
    outOfOrdernessMs: 0,
    generator: () => ({ onRecord: (_record: unknown, timestampMs: number) => timestampMs }),
  };
  const connector = testSource([records], { batchSize: 1 });
  return { name, inputs: [], spec: { kind: "source", connector, watermarks, rateLimit: 1 } };
}

const key = ({ key: own }: TestRecord): string => own;

function nodesOf(
  times: { readonly first: readonly number[]; readonly second: readonly number[] },
  spec: OperatorSpec,
  target: TestTarget,
): TestNode[] {
  return [
    sourceOf("first", times.first),
    sourceOf("second", times.second),
    { name: "by-first", inputs: [0], spec: { kind: "key-by", key } },
    { name: "by-second", inputs: [1], spec: { kind: "key-by", key } },
    { name: "both", inputs: [2, 3], spec },
    sinkNode(target, 4),
  ];
}

async function run(nodes: readonly TestNode[]): Promise<SlotWorld> {
  const world = worldOf(nodes);
  await world.start();
  await drained(world, "both/0");
  return world;
}

interface Context {
  readonly timestamp: number;
  readonly watermark: number;
  readonly state: { readonly seen: { get(): number | undefined; set(value: number): void } };
  readonly timers: { atEventTime(timeMs: number): void };
  emit(value: unknown): void;
}

/** Says each record's time and the watermark that it meets, and both again by a timer at its time. */
const told: ProcessSpec = {
  kind: "process",
  state: {},
  onRecord: (_record: TestRecord, ctx: Context) => say("first", ctx),
  onSecond: (_record: TestRecord, ctx: Context) => say("second", ctx),
  onTimer: (timeMs: number, ctx: Context) => ctx.emit(`timer ${timeMs} at ${ctx.watermark}`),
};

function say(input: string, ctx: Context): void {
  ctx.emit(`${input} ${ctx.timestamp} at ${ctx.watermark}`);
  ctx.timers.atEventTime(ctx.timestamp);
}

/** Counts the records of both inputs and says so at each timer. */
const counted: ProcessSpec = {
  kind: "process",
  state: { seen: { kind: "value", version: 1 } },
  onRecord: (_record: TestRecord, ctx: Context) => count(ctx),
  onSecond: (_record: TestRecord, ctx: Context) => count(ctx),
  onTimer: (timeMs: number, ctx: Context) =>
    ctx.emit(`${ctx.state.seen.get()} at timer ${timeMs}, watermark ${ctx.watermark}`),
};

function count(ctx: Context): void {
  ctx.state.seen.set((ctx.state.seen.get() ?? 0) + 1);
  ctx.timers.atEventTime(ctx.timestamp);
}

describe("a process over two inputs", () => {
  test("takes a record at exactly the watermark of both, and fires its timer with the next one", async () => {
    const target = new TestTarget();
    await run(nodesOf({ first: [10, 10, 20], second: [10, 10, 20] }, told, target));
    // Which of two inputs is read first is not promised.
    expect(sorted(target.written)).toEqual(
      sorted([
        // The splits' lower bound of 10 is a watermark of 9.
        "first 10 at 9",
        "second 10 at 9",
        "timer 10 at 10",
        "first 10 at 10",
        "second 10 at 10",
        "first 20 at 10",
        "second 20 at 10",
        // A timer sees the watermark that fires it.
        "timer 10 at Infinity",
        "timer 20 at Infinity",
      ]),
    );
  });

  test("has the state and the timers of a key for both, and waits for the slower input", async () => {
    const target = new TestTarget();
    await run(nodesOf({ first: [10, 100, 200], second: [10, 20, 30] }, counted, target));
    // Each of two inputs has had one record more when the next timer fires, until one has ended.
    expect(target.written).toEqual([
      "2 at timer 10, watermark 10",
      "4 at timer 20, watermark 20",
      "6 at timer 30, watermark 100",
      "6 at timer 100, watermark 100",
      "6 at timer 200, watermark Infinity",
    ]);
  });
});

test("an interval join takes no record at exactly the watermark of both inputs", async () => {
  const spec: IntervalJoinSpec = {
    kind: "join",
    type: "interval",
    mode: "inner",
    lowerMs: 0,
    upperMs: 0,
    isLowerExclusive: false,
    isUpperExclusive: false,
    join: (left: TestRecord, right: TestRecord) => [left.value, right.value],
  };
  const target = new TestTarget();
  await run(nodesOf({ first: [10, 10, 20], second: [10, 10, 20] }, spec, target));
  expect(target.written).toEqual([
    [0, 0],
    [2, 2],
  ]);
});
