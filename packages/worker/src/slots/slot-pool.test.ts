import { silentLogger, StreamError } from "@millrace/core";
import type { SlotOffer } from "@millrace/rpc";
import { expect, test } from "vitest";

import type { SlotEvent } from "../slot/slot-messages.ts";
import { FakeTaskHost } from "../test-kit/fake-task-host.ts";
import { VirtualTime } from "../test-kit/virtual-time.ts";
import { subtask, testConfig } from "../test-kit/worker-world.ts";
import type { WorkerConfig } from "../worker-config.ts";
import { createWorkerCounters } from "../worker-counters.ts";
import { HangDetector } from "./hang-detector.ts";
import { SlotPool, type SlotLease } from "./slot-pool.ts";

class World {
  readonly time = new VirtualTime();
  readonly tasks = new FakeTaskHost(this.time.clock);
  readonly counters = createWorkerCounters();
  readonly offers: SlotOffer[] = [];
  readonly events: SlotEvent[] = [];
  readonly pool: SlotPool;
  failed: StreamError | undefined;
  stuck: StreamError | undefined;

  constructor(over: Partial<WorkerConfig> = {}) {
    this.pool = new SlotPool({
      taskHost: this.tasks,
      clock: this.time.clock,
      random: { uint32: () => 2 ** 32 - 1 },
      logger: silentLogger,
      config: testConfig(over),
      counters: this.counters,
      onReady: (offer) => this.offers.push(offer),
      onStuck: (error) => (this.stuck = error),
    });
    this.pool.start();
  }

  claim(dataAddress = this.tasks.slot().dataAddress): SlotLease | undefined {
    return this.pool.claim(
      { slotIndex: 0, dataAddress },
      {
        work: "subtasks a/0",
        subtasks: [subtask()],
        onEvent: (event) => this.events.push(event),
        onFailed: (error) => (this.failed = error),
      },
    );
  }
}

const running: SlotEvent = {
  kind: "subtask-state",
  subtaskId: subtask(),
  state: { kind: "running" },
};

test("slots are offered when they listen, and are not ready before", async () => {
  const world = new World({ slotCount: 2 });
  expect(world.pool.ready()).toEqual([]);
  await world.time.run(10);
  expect(world.offers.map(({ slotIndex }) => slotIndex)).toEqual([0, 1]);
  expect(world.pool.ready()).toEqual(world.offers);
});

test("a slot is claimed once, and only at its address", async () => {
  const world = new World();
  expect(world.claim()).toBeUndefined();
  await world.time.run(10);
  expect(world.claim("elsewhere")).toBeUndefined();
  expect(world.claim()).toBeDefined();
  expect(world.claim()).toBeUndefined();
  expect(world.pool.inUse()).toBe(1);
});

test("a released slot is ended, and a fresh one started; the old one is not heard (I1, I2)", async () => {
  const world = new World();
  await world.time.run(10);
  const lease = world.claim();
  const used = world.tasks.slot();
  used.emit(running);
  lease?.release();
  lease?.release();
  used.emit(running);
  lease?.post({ kind: "start" });
  await world.time.run(20);
  expect(used.isTerminated).toBe(true);
  expect(used.commands).toEqual([]);
  expect(world.events.length).toBe(1);
  expect(world.tasks.started.length).toBe(2);
  expect(world.pool.ready()).toEqual([{ slotIndex: 0, dataAddress: "slot-1" }]);
});

test("a slot that holds something outside lets go of it before it is ended (I3)", async () => {
  const world = new World({ slotCount: 2 });
  await world.time.run(10);
  const lease = world.claim("slot-0");
  const used = world.tasks.slot(0);
  used.emit({ kind: "holds-outside" });
  used.emit({ kind: "holds-outside" });
  lease?.release();
  used.emit(running);
  await world.time.run(100);
  expect(used.kinds()).toEqual(["let-go"]);
  expect(used.isTerminated).toBe(false);
  used.emit({ kind: "let-go" });
  await world.time.run(20);
  expect(used.isTerminated).toBe(true);
  expect(world.events).toEqual([]);
  expect(world.pool.ready()).toHaveLength(2);
  await world.pool.close();
  expect(world.time.timerCount()).toBe(0);
});

test("a slot that does not let go in time is ended all the same, one that breaks meanwhile at once", async () => {
  const world = new World({ slotCount: 2, letGoTimeoutMs: 2_000 });
  await world.time.run(10);
  const leases = ["slot-0", "slot-1"].map((address, slotIndex) =>
    world.pool.claim(
      { slotIndex, dataAddress: address },
      { work: "", subtasks: [], onEvent: () => {}, onFailed: () => {} },
    ),
  );
  const [slow, broken] = [world.tasks.slot(0), world.tasks.slot(1)];
  for (const slot of [slow, broken]) slot.emit({ kind: "holds-outside" });
  for (const lease of leases) lease?.release();
  broken.exit(new Error("gone"));
  await world.time.run(1_990);
  expect([slow.isTerminated, broken.isTerminated]).toEqual([false, true]);
  await world.time.run(20);
  expect(slow.isTerminated).toBe(true);
});

test("a worker that ends has its slots let go first; a slot that hangs is not asked", async () => {
  const config = { slotCount: 2, hungTaskTimeoutMs: 3_000, hungTaskCheckMs: 1_000 };
  const world = new World(config);
  await world.time.run(10);
  world.claim("slot-0");
  const hung = world.tasks.slot(0);
  hung.emit({ kind: "holds-outside" });
  hung.isBusy = true;
  await world.time.run(5_000);
  expect(world.failed).toMatchObject({ code: "task-hung" });
  expect([hung.kinds(), hung.isTerminated]).toEqual([[], true]);
  const used = world.tasks.slot(0);
  world.claim(used.dataAddress);
  used.emit({ kind: "holds-outside" });
  const closed = world.pool.close();
  expect([used.kinds(), used.isTerminated]).toEqual([["let-go"], false]);
  used.emit({ kind: "let-go" });
  await closed;
  expect(used.isTerminated).toBe(true);
});

test("a slot that ends by itself keeps its own failure", async () => {
  const world = new World();
  await world.time.run(10);
  world.claim();
  const cause = new StreamError("out-of-memory", "full", { domain: "user", retry: "never" });
  world.tasks.slot().exit(cause);
  world.tasks.started[0]?.exit(new Error("again"));
  expect(world.failed).toBe(cause);
  expect(world.counters.slotsExited).toBe(1);
});

test("a slot that never listens, or ends first, is started again, ever more slowly", async () => {
  const world = new World({ slotStartTimeoutMs: 1_000 });
  world.tasks.doListen = false;
  await world.time.run(1_000);
  expect(world.tasks.started[0]?.isTerminated).toBe(true);
  await world.time.run(100);
  expect(world.tasks.started.length).toBe(2);
  world.tasks.slot().exit(new Error("code 1"));
  await world.time.run(199);
  expect(world.tasks.started.length).toBe(2);
  world.tasks.doListen = true;
  await world.time.run(20);
  expect(world.pool.ready().length).toBe(1);
});

test("a slot that does not end takes the worker with it", async () => {
  const world = new World();
  await world.time.run(10);
  const lease = world.claim();
  world.tasks.slot().terminate = () => new Promise(() => {});
  lease?.release();
  await world.time.run(9_000);
  expect(world.stuck).toBeUndefined();
  await world.time.run(2_000);
  expect(world.stuck).toMatchObject({ code: "task-hung" });
});

test("close ends every slot and every timer, in whatever state (L5)", async () => {
  const world = new World({ slotCount: 3 });
  await world.time.run(10);
  world.claim("slot-0");
  world.tasks.slot(1).exit(new Error("gone"));
  await world.pool.close();
  expect(world.tasks.slot(0).isTerminated).toBe(true);
  expect(world.tasks.slot(2).isTerminated).toBe(true);
  await world.time.run(100_000);
  expect(world.tasks.started.length).toBe(3);
  expect(world.time.timerCount()).toBe(0);
});

test("a slot hangs only while it is busy and stands still over all checks (F23)", () => {
  const config = { hungTaskTimeoutMs: 3_000, hungTaskCheckMs: 1_000 };
  const detector = new HangDetector(config);
  const busy = { turns: 1, isBusy: true };
  expect([busy, busy, busy].map((one) => detector.observe(one))).toEqual([false, false, false]);
  expect(detector.observe({ turns: 2, isBusy: true })).toBe(false);
  expect(detector.observe({ turns: 2, isBusy: false })).toBe(false);
  const stuck = { turns: 2, isBusy: true };
  expect([stuck, stuck, stuck].map((one) => detector.observe(one))).toEqual([false, false, true]);
});
