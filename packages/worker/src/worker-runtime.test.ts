import { assert, StreamError, toFailureData } from "@millrace/core";
import { expect, test } from "vitest";

import {
  blockOf,
  checkpoint,
  numbers,
  refOf,
  subtask,
  WorkerWorld,
} from "./test-kit/worker-world.ts";

test("a worker registers with its fresh slots, and offers those that come later", async () => {
  const world = new WorkerWorld({ config: { slotCount: 2 } });
  world.worker.start();
  const session = world.network.session();
  expect(session.received).toMatchObject([
    { kind: "register", protocolVersion: 1, workerId: "w1", slots: [], running: [] },
  ]);
  await world.run(5);
  session.welcome();
  await world.run(10);
  expect(session.ofKind("slot-ready").map(({ slot }) => slot)).toEqual([
    { slotIndex: 0, dataAddress: "slot-0" },
    { slotIndex: 1, dataAddress: "slot-1" },
  ]);
});

test("slots that listen between registration and welcome are offered with the welcome", async () => {
  const world = await WorkerWorld.registered();
  expect(world.network.session().ofKind("slot-ready")).toMatchObject([
    { slot: { dataAddress: "slot-0" } },
  ]);
});

test("a worker without work drains at once", async () => {
  const world = await WorkerWorld.registered();
  await world.worker.drain(60_000);
  expect(world.network.session().ofKind("draining")).toEqual([]);
});

test("a worker with work asks to drain and waits until nothing runs there (F31)", async () => {
  const world = await WorkerWorld.running();
  const session = world.network.session();
  let isDrained = false;
  void world.worker.drain(60_000).then(() => (isDrained = true));
  await world.run(1_000);
  expect(session.ofKind("draining")).toHaveLength(1);
  expect(isDrained).toBe(false);
  session.deliver({ kind: "cancel-attempt", ref: refOf(), reason: "goes on elsewhere" });
  await world.run(1_000);
  expect(isDrained).toBe(true);
});

test("a drain asks a leader that comes later too, and ends with its time", async () => {
  const world = await WorkerWorld.running();
  let isDrained = false;
  void world.worker.drain(10_000).then(() => (isDrained = true));
  world.network.session().break();
  await world.run(1_000);
  world.network.session().welcome();
  expect(world.network.session().ofKind("draining")).toHaveLength(1);
  await world.run(8_000);
  expect(isDrained).toBe(false);
  await world.run(1_500);
  expect(isDrained).toBe(true);
});

test("a deployment prepares the slot with its own subtasks and the fetched bundle", async () => {
  const world = await WorkerWorld.running();
  const [prepare, start] = world.tasks.slot().commands;
  expect(prepare).toMatchObject({
    kind: "prepare",
    preparation: {
      ref: refOf(),
      bundleUrl: `bundle:${world.bundles[0]}`,
      channelToken: "token",
      ownSubtasks: ["numbers/0", "totals/0"],
    },
  });
  expect(start).toEqual({ kind: "start" });
});

test("messages between coordinator and slot pass in their order (S9)", async () => {
  const world = await WorkerWorld.running();
  const session = world.network.session();
  const ref = refOf();
  const split = { id: "a", descriptor: null };
  const toSource = { vertexId: numbers, subtaskIndex: 0, requestNumber: 1 };
  session.deliver({
    kind: "assign-split",
    ref,
    ...toSource,
    split,
    isPoolEmpty: false,
    poolLowerBoundMs: 3,
  });
  const barrier = { checkpointId: checkpoint(1), mode: "full" } as const;
  session.deliver({ kind: "inject-barrier", ref, barrier });
  session.deliver({ kind: "inject-barrier", ref, barrier });
  session.deliver({ kind: "start", ref });
  session.deliver({ kind: "checkpoint-completed", ref, checkpointId: checkpoint(1) });
  session.deliver({ kind: "stop-sources", ref, isDrain: true });
  expect(world.tasks.slot().commands.slice(2)).toEqual([
    { kind: "assign-split", ...toSource, split, isPoolEmpty: false, poolLowerBoundMs: 3 },
    { kind: "inject-barrier", barrier },
    { kind: "checkpoint-completed", checkpointId: checkpoint(1) },
    { kind: "stop-sources", isDrain: true },
  ]);
  const slot = world.tasks.slot();
  slot.emit({ kind: "request-split", ...toSource });
  slot.emit({ kind: "discovered-splits", vertexId: numbers, splits: [split] });
  slot.emit({ kind: "subtask-state", subtaskId: subtask(), state: { kind: "drained" } });
  expect(session.received.slice(-3)).toMatchObject([
    { kind: "request-split", ref, ...toSource },
    { kind: "discovered-splits", ref, splits: [{ id: "a" }] },
    { kind: "subtask-state", ref, subtaskId: "totals/0", state: { kind: "drained" } },
  ]);
});

test("commands that come while the bundle is fetched wait behind prepare", async () => {
  const world = await WorkerWorld.registered();
  const session = world.network.session();
  session.deliver({ kind: "deploy", deployment: world.deployment() });
  session.deliver({ kind: "stop-sources", ref: refOf(), isDrain: false });
  expect(world.tasks.slot().kinds()).toEqual([]);
  await world.run();
  expect(world.tasks.slot().kinds()).toEqual(["prepare", "stop-sources"]);
});

test("messages of a lower attempt or leader epoch are refused and counted (S2)", async () => {
  const world = await WorkerWorld.registered();
  const session = world.network.session();
  session.deliver({ kind: "deploy", deployment: world.deployment({ ref: refOf(3) }) });
  await world.run();
  for (const ref of [refOf(2), refOf(9, 6n)]) {
    session.deliver({ kind: "start", ref });
    session.deliver({ kind: "cancel-attempt", ref, reason: "old" });
    session.deliver({ kind: "deploy", deployment: world.deployment({ ref }) });
  }
  await world.run();
  expect(world.tasks.slot().kinds()).toEqual(["prepare"]);
  expect(world.worker.readMetrics().session.messagesStale).toBe(6);
});

test.each([
  ["no-attempt-check", true],
  ["completion-of-older-attempt-accepted", true],
  ["watermark-regresses", false],
] as const)(
  "under the failpoint %s an old completion is let through: %s",
  async (failpoint, isLet) => {
    const world = await WorkerWorld.registered({ failpoint });
    const session = world.network.session();
    session.deliver({ kind: "deploy", deployment: world.deployment({ ref: refOf(3) }) });
    await world.run();
    session.deliver({ kind: "checkpoint-completed", ref: refOf(2), checkpointId: checkpoint(1) });
    expect(world.tasks.slot().kinds().includes("checkpoint-completed")).toBe(isLet);
  },
);

test("messages of an attempt that is not deployed yet are held, not dropped (S2)", async () => {
  const world = await WorkerWorld.registered();
  const session = world.network.session();
  session.deliver({ kind: "start", ref: refOf(2) });
  session.deliver({ kind: "deploy", deployment: world.deployment({ ref: refOf(2) }) });
  await world.run();
  expect(world.tasks.slot().kinds()).toEqual(["prepare", "start"]);
  expect(world.worker.readMetrics().session.messagesHeld).toBe(1);
});

test("a deployment said twice changes nothing (F9)", async () => {
  const world = await WorkerWorld.running();
  world.network.session().deliver({ kind: "deploy", deployment: world.deployment() });
  await world.run();
  expect(world.tasks.slot().kinds()).toEqual(["prepare", "start"]);
  expect(world.network.session().ofKind("subtask-state")).toEqual([]);
});

test("cancel ends the used slot and offers a fresh one", async () => {
  const world = await WorkerWorld.running();
  const used = world.tasks.slot();
  world.network.session().deliver({ kind: "cancel-attempt", ref: refOf(), reason: "finished" });
  await world.run(20);
  expect(used.isTerminated).toBe(true);
  expect(world.network.session().ofKind("slot-ready").at(-1)?.slot).toEqual({
    slotIndex: 0,
    dataAddress: "slot-1",
  });
  used.emit({ kind: "subtask-state", subtaskId: subtask(), state: { kind: "running" } });
  expect(world.network.session().ofKind("subtask-state")).toEqual([]);
});

test("a higher attempt ends the one that runs; its slot must be fresh", async () => {
  const world = await WorkerWorld.running();
  const used = world.tasks.slot();
  const deployment = world.deployment({ ref: refOf(2) });
  world.network.session().deliver({ kind: "deploy", deployment });
  await world.run(20);
  expect(used.isTerminated).toBe(true);
  expect(world.network.session().ofKind("subtask-state")).toMatchObject([
    { ref: refOf(2), state: { kind: "failed", failure: { code: "unavailable" } } },
  ]);
});

test("slots that an attempt was given and never took are offered again when it ends", async () => {
  const world = await WorkerWorld.registered({ config: { slotCount: 2 } });
  const session = world.network.session();
  const deployment = world.deployment();
  const [first, second] = deployment.placements;
  assert(first !== undefined && second !== undefined, "the deployment has two subtasks");
  const placements = [
    { ...first, dataAddress: "gone" },
    { ...second, slotIndex: 1, dataAddress: "slot-1" },
  ];
  session.deliver({ kind: "deploy", deployment: { ...deployment, placements } });
  await world.run();
  const before = session.ofKind("slot-ready").length;
  session.deliver({ kind: "cancel-attempt", ref: refOf(), reason: "slot 0 is not ready" });
  await world.run();
  expect(session.ofKind("slot-ready").slice(before)).toMatchObject([
    { slot: { slotIndex: 1, dataAddress: "slot-1" } },
  ]);
});

test("a slot that ends by itself fails the attempt; a fresh slot takes its place", async () => {
  const world = await WorkerWorld.running();
  world.tasks.slot().exit(new Error("exit code 134"));
  await world.run(20);
  const session = world.network.session();
  expect(session.ofKind("subtask-state")).toMatchObject([
    { subtaskId: "numbers/0", state: { kind: "failed", failure: { code: "internal" } } },
  ]);
  expect(session.ofKind("slot-ready").at(-1)?.slot.dataAddress).toBe("slot-1");
});

test("a slot that hangs fails the attempt naming its subtasks (F23)", async () => {
  const world = await WorkerWorld.running();
  const slot = world.tasks.slot();
  slot.isBusy = true;
  slot.working = { taskIndex: 1 };
  await world.run(59_000);
  expect(slot.isTerminated).toBe(false);
  await world.run(3_000);
  expect(slot.isTerminated).toBe(true);
  const [message] = world.network.session().ofKind("subtask-state");
  expect(message).toMatchObject({
    state: { failure: { code: "task-hung", domain: "user", location: { subtask: "totals/0" } } },
  });
  const text = JSON.stringify(message?.state);
  expect(text).toContain("for 60000 ms in subtask totals/0, with subtasks numbers/0, totals/0");
});

test("under a debugger nothing counts as hung", async () => {
  const world = await WorkerWorld.running({ config: { isHungTaskCheckOn: false } });
  world.tasks.slot().isBusy = true;
  await world.run(200_000);
  expect(world.tasks.slot().isTerminated).toBe(false);
});

test("an ack names the durable segment and every subtask (S5)", async () => {
  const world = await WorkerWorld.running();
  world.snapshot(1, [
    blockOf("totals", [1, 2]),
    blockOf("numbers", [3], { kind: "list", groupEnd: 0 }),
  ]);
  await world.run();
  const [ack] = world.network.session().ofKind("ack");
  const name = ack?.cut.segment?.name ?? "";
  expect(name).toMatch(/^jobs\/job\/1\/1\/w1-[0-9a-f]{16}\.segment$/);
  expect(await world.objects.inner.stat(name)).toBe(ack?.cut.segment?.lengthBytes);
  expect(ack).toMatchObject({
    ref: refOf(),
    checkpointId: 1n,
    timings: { alignmentMs: 1, snapshotMs: 2 },
    cut: {
      segment: { ownerCheckpointId: 1n },
      blocks: [
        {
          operator: "numbers",
          kind: "list",
          role: "base",
          groupStart: 0,
          groupEnd: 0,
          rawBytes: 1,
        },
        { operator: "totals", kind: "keyed", groupStart: 0, groupEnd: 127, rawBytes: 2 },
      ],
      subtasks: [
        { subtaskId: "numbers/0", parallelism: 1, watermarkMs: 5, isDrained: false },
        { subtaskId: "totals/0" },
      ],
    },
  });
});

test("acks that nobody answered are sent again to the leader that comes back (F2)", async () => {
  const world = await WorkerWorld.running();
  const first = world.network.session();
  world.snapshot(1);
  await world.run();
  first.deliver({ kind: "checkpoint-completed", ref: refOf(), checkpointId: checkpoint(1) });
  first.break(new Error("connection reset"));
  world.snapshot(2);
  await world.run(200);
  const second = world.network.session();
  expect(second).not.toBe(first);
  expect(second.ofKind("register")).toMatchObject([{ running: [refOf()], slots: [] }]);
  second.welcome(8n);
  expect(second.ofKind("ack").map(({ checkpointId }) => checkpointId)).toEqual([2n]);
  expect(world.tasks.slot().isTerminated).toBe(false);
});

test("published is said once all subtasks have published", async () => {
  const world = await WorkerWorld.running();
  const publish = (vertexId: typeof numbers, id: number): void => {
    const subtaskId = subtask(vertexId);
    world.tasks.slot().emit({ kind: "published", subtaskId, checkpointId: checkpoint(id) });
  };
  publish(numbers, 2);
  expect(world.network.session().ofKind("published")).toEqual([]);
  world.tasks.slot().emit({ kind: "published", subtaskId: subtask(), checkpointId: checkpoint(1) });
  world.tasks.slot().emit({ kind: "published", subtaskId: subtask(), checkpointId: checkpoint(2) });
  world.tasks.slot().emit({ kind: "published", subtaskId: subtask(), checkpointId: checkpoint(2) });
  const ids = world.network
    .session()
    .ofKind("published")
    .map((one) => one.checkpointId);
  expect(ids).toEqual([1n, 2n]);
});

test("a bundle with another hash is refused by name", async () => {
  const world = await WorkerWorld.registered();
  world.objects.tamper = (_name, bytes) => bytes.subarray(1);
  world.network.session().deliver({ kind: "deploy", deployment: world.deployment() });
  await world.run();
  expect(world.network.session().ofKind("subtask-state")).toMatchObject([
    { state: { kind: "failed", failure: { code: "bundle-invalid" } } },
  ]);
  expect(world.tasks.slot().commands).toEqual([]);
});

test("log lines above the limit are dropped, counted, and said with the next heartbeat", async () => {
  const world = await WorkerWorld.running({ config: { logLinesPerInterval: 2 } });
  const line = { atMs: 1, level: "info", source: "totals/0", text: "hello" } as const;
  world.tasks.slot().emit({ kind: "log-lines", lines: [line, line, line] });
  const session = world.network.session();
  expect(session.ofKind("log-lines").map(({ lines }) => lines.length)).toEqual([2]);
  await world.run(1_100);
  expect(session.ofKind("log-lines").at(-1)?.lines[0]?.text).toContain("1 log lines were dropped");
  expect(world.worker.readMetrics().logLinesDropped).toBe(1);
});

test("heartbeats carry the newest metrics of every subtask", async () => {
  const world = await WorkerWorld.running();
  const metrics = {
    subtaskId: subtask(),
    recordsIn: 5,
    recordsOut: 1,
    recordsLate: 0,
    busyMs: 1,
    idleMs: 1,
    backpressuredMs: 0,
    watermarkMs: 9,
    stateCells: 3,
  };
  world.tasks.slot().emit({ kind: "metrics", subtasks: [{ ...metrics, recordsIn: 1 }] });
  world.tasks.slot().emit({ kind: "metrics", subtasks: [metrics] });
  await world.run(1_100);
  expect(world.network.session().ofKind("heartbeat").at(-1)?.subtasks).toEqual([metrics]);
  expect(world.worker.readMetrics().subtasks).toEqual([metrics]);
});

test("a worker of another version stops with that error", async () => {
  const world = await WorkerWorld.registered();
  const error = new StreamError("version-skew", "protocol 2", { domain: "user", retry: "never" });
  world.network.session().deliver({ kind: "refused", failure: toFailureData(error) });
  await world.run();
  expect(world.doneWith).toMatchObject({ code: "version-skew" });
  expect(world.tasks.slot().isTerminated).toBe(true);
});

test("close ends session, slots and timers (L5)", async () => {
  const world = await WorkerWorld.running();
  world.objects.stall = new Promise(() => {});
  world.snapshot(1);
  await world.run();
  await world.worker.close();
  await world.run();
  expect(world.doneWith).toBe("closed");
  expect(world.network.session().isClosed).toBe(true);
  expect(world.tasks.started.every((slot) => slot.isTerminated)).toBe(true);
  await world.run(1_000_000);
  expect(world.network.sessions.length).toBe(1);
  expect(world.tasks.started.length).toBe(1);
  expect(world.time.timerCount()).toBe(0);
});
