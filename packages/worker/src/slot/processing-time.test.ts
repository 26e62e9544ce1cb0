import type { GeneralWindowSpec, ProcessSpec } from "@millrace/graph";
import { describe, expect, test, vi } from "vitest";

import type { TestNode } from "../test-kit/slot-world.ts";
import { TestTarget, type TestRecord } from "../test-kit/test-connectors.ts";
import {
  assignOpenSplit,
  drained,
  recordsOf,
  sinkNode,
  sorted,
  sourceNode,
  worldOf,
} from "../test-kit/test-jobs.ts";

/** What the virtual wall clock begins with. */
const startMs = 1_000_000;
const delayMs = 10_000;

interface Context {
  readonly key: string;
  readonly timers: { atProcessingTime(timeMs: number): void };
  processingTime(): number;
  emit(value: unknown): void;
}

/** Says for each key once when its timer fired, which is so many milliseconds after its first record. */
function alarms(afterMs: number): ProcessSpec {
  return {
    kind: "process",
    state: { seen: { kind: "value", version: 1 } },
    onRecord(_record: TestRecord, ctx: Context & { state: { seen: Seen } }) {
      if (ctx.state.seen.get() !== undefined) return;
      ctx.state.seen.set(true);
      ctx.timers.atProcessingTime(ctx.processingTime() + afterMs);
    },
    onTimer(timeMs: number, ctx: Context) {
      ctx.emit({ key: ctx.key, lateMs: ctx.processingTime() - timeMs });
    },
  };
}

interface Seen {
  get(): unknown;
  set(value: unknown): void;
}

function alarmNodes(target: TestTarget, afterMs: number): TestNode[] {
  return [
    sourceNode([recordsOf(5)]),
    { name: "by-key", inputs: [0], spec: { kind: "key-by", key: (one: TestRecord) => one.key } },
    { name: "timers", inputs: [1], spec: alarms(afterMs) },
    sinkNode(target, 2),
  ];
}

const counts: GeneralWindowSpec = {
  kind: "general-window",
  assigner: { kind: "tumbling", sizeMs: delayMs, offsetMs: 0, time: "processing" },
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

function windowNodes(target: TestTarget): TestNode[] {
  return [
    // 100 s of event time, which mean nothing here.
    sourceNode([recordsOf(10_000).filter((_, index) => index % 1_000 < 2)]),
    { name: "by-key", inputs: [0], spec: { kind: "key-by", key: (one: TestRecord) => one.key } },
    { name: "windows", inputs: [1], spec: counts },
    sinkNode(target, 2),
  ];
}

const allKeys = ["key-0", "key-1", "key-2", "key-3", "key-4"];
const windowResults = ["key-0 [1000000, 1010000) 10", "key-1 [1000000, 1010000) 10"];

/** Each becomes due once, so long after the job began: with what results, at its time and later. */
const operators = [
  {
    name: "timers",
    nodesOf: (target: TestTarget) => alarmNodes(target, delayMs),
    results: allKeys.map((key) => ({ key, lateMs: 0 })),
    lateResults: allKeys.map((key) => ({ key, lateMs: 49_998 })),
  },
  {
    name: "windows",
    nodesOf: windowNodes,
    results: windowResults,
    lateResults: windowResults,
  },
];

describe.each(operators)("$name of processing time", ({ name, nodesOf, results, lateResults }) => {
  test("wake a slot in which nothing else happens, at their time", async () => {
    const target = new TestTarget();
    const world = worldOf(nodesOf(target), { isAssigningByHand: true });
    await world.start();
    await assignOpenSplit(world);
    await world.time.run(9_990);
    expect(target.written).toEqual([]);
    await world.time.run(20);
    expect(sorted(target.written)).toEqual(sorted(results));
  });

  test("that came due while the job was down fire once, when the job starts again", async () => {
    const target = new TestTarget();
    const world = worldOf(nodesOf(target), { isAssigningByHand: true });
    await world.start();
    await assignOpenSplit(world);
    await world.time.run(50);
    const restore = await world.checkpoint(1n);
    const again = worldOf(nodesOf(target), { restore, attempt: 2, isAssigningByHand: true });
    again.time.spend(60_000);
    await again.start();
    await again.time.run(10);
    expect(sorted(target.written)).toEqual(sorted(lateResults));
    await again.time.run(60_000);
    expect(target.written).toHaveLength(lateResults.length);
  });

  test("do not fire after the end of input", async () => {
    const target = new TestTarget();
    const world = worldOf(nodesOf(target));
    await world.start();
    await drained(world, `${name}/0`);
    await world.time.run(60_000);
    expect(target.written).toEqual([]);
    expect(world.failure()).toBeUndefined();
  });
});

test("windows of processing time read the clock once for the records of a turn", async () => {
  const target = new TestTarget();
  const [, ...behind] = windowNodes(target);
  const world = worldOf([sourceNode([recordsOf(5_000)], { batchSize: 1_000 }), ...behind], {
    isAssigningByHand: true,
  });
  await world.start();
  const read = vi.spyOn(world.time.clock, "wallMs");
  await assignOpenSplit(world);
  await world.time.run(10_100);
  expect(target.written).toHaveLength(5);
  expect(target.written.every((line) => String(line).endsWith(" 1000"))).toBe(true);
  expect(read.mock.calls.length).toBeLessThan(1_000);
});

test("what a timer's function throws is placed at its operator and time", async () => {
  const [source, byKey, , sink] = alarmNodes(new TestTarget(), 10);
  const broken: ProcessSpec = {
    ...alarms(10),
    onTimer: () => {
      throw new Error("no bell");
    },
  };
  const nodes = [source, byKey, { name: "timers", inputs: [1], spec: broken }, sink].flatMap(
    (node) => node ?? [],
  );
  const world = worldOf(nodes, { isAssigningByHand: true });
  await world.start();
  await assignOpenSplit(world);
  await world.time.run(1_000);
  expect(world.failure()).toMatchObject({
    failure: {
      message: expect.stringContaining("no bell") as string,
      location: {
        operator: "timers",
        position: expect.stringMatching(/^processing time 10000\d\d$/) as string,
      },
    },
  });
  expect(world.time.clock.wallMs()).toBeGreaterThan(startMs);
});
