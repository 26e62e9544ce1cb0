import type { ProcessSpec } from "@millrace/graph";
import { expect, test } from "vitest";

import type { TestNode } from "../test-kit/slot-world.ts";
import { TestTarget, type TestRecord } from "../test-kit/test-connectors.ts";
import {
  drained,
  recordsOf,
  sinkNode,
  sorted,
  sourceNode,
  worldOf,
} from "../test-kit/test-jobs.ts";

/** What the virtual wall clock begins with. */
const startMs = 1_000_000;

interface Context {
  readonly key: string;
  readonly timers: { atProcessingTime(timeMs: number): void };
  processingTime(): number;
  emit(value: unknown): void;
}

/** Says for each key once when its timer fired, which is so many milliseconds after its first record. */
function alarms(delayMs: number): ProcessSpec {
  return {
    kind: "process",
    state: { seen: { kind: "value", version: 1 } },
    onRecord(_record: TestRecord, ctx: Context & { state: { seen: Seen } }) {
      if (ctx.state.seen.get() !== undefined) return;
      ctx.state.seen.set(true);
      ctx.timers.atProcessingTime(ctx.processingTime() + delayMs);
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

function alarmNodes(target: TestTarget, delayMs: number): TestNode[] {
  return [
    sourceNode([recordsOf(5)]),
    { name: "by-key", inputs: [0], spec: { kind: "key-by", key: (one: TestRecord) => one.key } },
    { name: "alarms", inputs: [1], spec: alarms(delayMs) },
    sinkNode(target, 2),
  ];
}

const allKeys = ["key-0", "key-1", "key-2", "key-3", "key-4"];

test("a timer wakes a slot in which nothing else happens, at its time", async () => {
  const target = new TestTarget();
  const world = worldOf(alarmNodes(target, 10_000), { isAssigningByHand: true });
  await world.start();
  await assignOpenSplit(world);
  await world.time.run(9_990);
  expect(target.written).toEqual([]);
  await world.time.run(20);
  expect(target.written).toEqual(allKeys.map((key) => ({ key, lateMs: 0 })));
});

test("a timer that came due while the job was down fires once, when the job starts again", async () => {
  const target = new TestTarget();
  const world = worldOf(alarmNodes(target, 10_000), { isAssigningByHand: true });
  await world.start();
  await assignOpenSplit(world);
  await world.time.run(50);
  const snapshot = await world.checkpoint(1n);
  const again = worldOf(alarmNodes(target, 10_000), {
    restore: snapshot,
    attempt: 2,
    isAssigningByHand: true,
  });
  again.time.spend(60_000);
  await again.start();
  await again.time.run(10);
  expect(sorted(target.written)).toEqual(sorted(allKeys.map((key) => ({ key, lateMs: 49_998 }))));
  await again.time.run(60_000);
  expect(target.written).toHaveLength(5);
});

test("after the end of input a timer of processing time does not fire", async () => {
  const target = new TestTarget();
  const world = worldOf(alarmNodes(target, 10_000));
  await world.start();
  await drained(world, "alarms/0");
  await world.time.run(60_000);
  expect(target.written).toEqual([]);
  expect(world.failure()).toBeUndefined();
});

test("what a timer's function throws is placed at its operator and time", async () => {
  const [source, byKey, , sink] = alarmNodes(new TestTarget(), 10);
  const broken: ProcessSpec = {
    ...alarms(10),
    onTimer: () => {
      throw new Error("no bell");
    },
  };
  const nodes = [source, byKey, { name: "alarms", inputs: [1], spec: broken }, sink].flatMap(
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
        operator: "alarms",
        position: expect.stringMatching(/^processing time 10000\d\d$/) as string,
      },
    },
  });
  expect(world.time.clock.wallMs()).toBeGreaterThan(startMs);
});

/** Hands the source its split and says that another may come: the input does not end. */
async function assignOpenSplit(world: ReturnType<typeof worldOf>): Promise<void> {
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
