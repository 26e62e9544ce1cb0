import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { parseCheckpointId, parseVertexId, parseWorkerId, subtaskIdOf } from "@millrace/core";
import { canonicalPlanJson, planJob, type JobDefinition } from "@millrace/graph";
import { createNodeDigest, createNodeDisk } from "@millrace/platform";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { SlotEvent, SlotPreparation } from "../slot/slot-messages.ts";
import type { SlotHandle } from "../slot/task-host.ts";
import { refOf } from "../test-kit/worker-world.ts";
import { createFileBundleCache } from "./file-bundle-cache.ts";
import { createThreadTaskHost } from "./thread-task-host.ts";

const numbers = parseVertexId("numbers");

/** A job module as the bundler would leave it: a source of one split, a map, print. */
const moduleText = (map: string): string => `
const connector = {
  connector: "test", options: {}, canReplay: true,
  discover: async () => [{ id: "only", descriptor: 3 }],
  createReader: () => ({
    open: async (split) => {
      let isRead = false;
      return {
        nextBatch: async () => {
          if (isRead) return undefined;
          isRead = true;
          const records = Array.from({ length: split.descriptor }, (_, index) => index);
          return { records, positionAt: (index) => index };
        },
        close: async () => {},
      };
    },
    close: async () => {},
  }),
};
export default {
  millraceJob: 1,
  name: "thread-job",
  build: ({ baseDirectory }) => ({
    apiVersion: 1,
    baseDirectory,
    jobName: "thread-job",
    settings: { parallelism: 1 },
    nodes: [
      { id: 0, name: "numbers", inputs: [], spec: { kind: "source", connector } },
      { id: 1, name: "map-1", inputs: [0], spec: { kind: "map", map: ${map} } },
      { id: 2, name: "print-2", inputs: [1], spec: { kind: "print", label: "out" } },
    ],
  }),
};
`;

interface Thread {
  readonly handle: SlotHandle;
  readonly events: SlotEvent[];
  readonly exit: Promise<Error>;
  /** Returns the first event, from now or before, for which `find` gives something. */
  until<Found>(find: (event: SlotEvent) => Found | undefined): Promise<Found>;
}

const digest = createNodeDigest();
let folder = "";
let running: SlotHandle[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "worker-test-"));
});

afterEach(async () => {
  await Promise.all(running.map((handle) => handle.terminate()));
  running = [];
  rmSync(folder, { recursive: true, force: true });
});

function startThread(memoryMb?: number): Thread {
  const events: SlotEvent[] = [];
  let waiting: (() => void)[] = [];
  const { promise: exit, resolve } = Promise.withResolvers<Error>();
  const host = createThreadTaskHost({
    workerId: "w1",
    hint: { kind: "unix", host: "" },
    logLevel: "error",
    ...(memoryMb === undefined ? {} : { memoryMb }),
  });
  const handle = host.start(0, {
    onEvent: (event) => {
      events.push(event);
      for (const check of waiting) check();
    },
    onExit: resolve,
  });
  running.push(handle);
  const until: Thread["until"] = (find) =>
    new Promise((found, fail) => {
      const check = (): void => {
        for (const event of events) {
          if (event.kind === "subtask-state" && event.state.kind === "failed") {
            fail(new Error(event.state.failure.message));
          }
          const result = find(event);
          if (result === undefined) continue;
          waiting = waiting.filter((other) => other !== check);
          found(result);
          return;
        }
      };
      waiting.push(check);
      check();
    });
  return { handle, events, exit, until };
}

const addressOf = (event: SlotEvent): string | undefined =>
  event.kind === "listening" ? event.dataAddress : undefined;

const reaches =
  (kind: string) =>
  (event: SlotEvent): true | undefined =>
    event.kind === "subtask-state" && event.state.kind === kind ? true : undefined;

/** Starts a slot with the job and answers its first request for a split. */
async function runJob(map: string, memoryMb?: number): Promise<Thread> {
  const bytes = new TextEncoder().encode(moduleText(map));
  const cache = createFileBundleCache(createNodeDisk(), join(folder, "bundles"));
  const bundleUrl = await cache.store(digest.sha256(bytes), bytes);
  const thread = startThread(memoryMb);
  const dataAddress = await thread.until(addressOf);
  const preparation = await preparationOf(bundleUrl, dataAddress);
  thread.handle.post({ kind: "prepare", preparation });
  await thread.until(reaches("ready"));
  thread.handle.post({ kind: "start" });
  const split = await thread.until((e) =>
    e.kind === "discovered-splits" ? e.splits[0] : undefined,
  );
  const request = await thread.until((e) => (e.kind === "request-split" ? e : undefined));
  const answer = { vertexId: numbers, subtaskIndex: 0, poolLowerBoundMs: Infinity };
  const { requestNumber } = request;
  thread.handle.post({ kind: "assign-split", ...answer, requestNumber, split, isPoolEmpty: false });
  return thread;
}

async function preparationOf(bundleUrl: string, dataAddress: string): Promise<SlotPreparation> {
  const module: { default: JobDefinition } = await import(bundleUrl);
  const plan = planJob(module.default.build({ params: {}, baseDirectory: "/" }));
  const planJson = canonicalPlanJson(plan);
  const subtaskId = subtaskIdOf(numbers, 0);
  return {
    ref: refOf(),
    bundleUrl,
    planJson,
    planSha256: digest.sha256(new TextEncoder().encode(planJson)),
    params: {},
    environment: {},
    channelToken: "token",
    placements: [{ subtaskId, workerId: parseWorkerId("w1"), slotIndex: 0, dataAddress }],
    ownSubtasks: [subtaskId],
  };
}

test("a slot in a thread runs a bundle, drains, and hands out its snapshot", async () => {
  const thread = await runJob("(value) => value * 10");
  const second = await thread.until((e) =>
    e.kind === "request-split" && e.requestNumber === 2 ? e : undefined,
  );
  thread.handle.post({
    kind: "assign-split",
    vertexId: numbers,
    subtaskIndex: 0,
    requestNumber: second.requestNumber,
    isPoolEmpty: true,
    poolLowerBoundMs: Infinity,
  });
  await thread.until(reaches("drained"));
  const checkpointId = parseCheckpointId(1n);
  thread.handle.post({ kind: "inject-barrier", barrier: { checkpointId, mode: "full" } });
  const done = await thread.until((e) => (e.kind === "snapshot-done" ? e : undefined));
  expect(done).toMatchObject({ subtaskId: "numbers/0", checkpointId: 1n, isDrained: true });
  const lines = thread.events.flatMap((e) => (e.kind === "log-lines" ? e.lines : []));
  expect(lines.map(({ text }) => text).join("\n")).toMatch(/0[^]*10[^]*20/);
  expect(thread.handle.progress().turns).toBeGreaterThan(0);
});

test("a slot whose code never returns stands still while busy, and ends all the same (F23)", async () => {
  const thread = await runJob("() => { for (;;); }");
  const standsStill = async (): Promise<boolean> => {
    const before = thread.handle.progress();
    await new Promise((resolve) => setTimeout(resolve, 200));
    const after = thread.handle.progress();
    return before.isBusy && after.isBusy && before.turns === after.turns;
  };
  await expect.poll(standsStill, { timeout: 5_000 }).toBe(true);
  await thread.handle.terminate();
  const eventCount = thread.events.length;
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(thread.events.length).toBe(eventCount);
});

test("a rejection that nobody catches ends the slot as the author's failure (F24)", async () => {
  const thread = await runJob('() => { Promise.reject(new TypeError("lost")); return 1; }');
  expect(await thread.exit).toMatchObject({
    code: "user-function-failed",
    domain: "user",
    message: expect.stringContaining("TypeError: lost"),
  });
});

test("process.exit in the author's code is an end that is told", async () => {
  const thread = await runJob("() => process.exit(3)");
  expect((await thread.exit).message).toContain("code 3");
});

test("a slot whose heap is nearly full ends before V8 aborts the process (F21)", async () => {
  const hoard =
    "() => { const hoard = []; setInterval(() => hoard.push(new Array(50000).fill(1.5)), 10); }";
  const thread = await runJob(hoard, 128);
  expect(await thread.exit).toMatchObject({ code: "out-of-memory", domain: "user" });
}, 20_000);

test("a slot whose buffers fill its memory ends too: V8 does not limit them (F21)", async () => {
  const hoard =
    "() => { const hoard = []; setInterval(() => hoard.push(new Float64Array(500_000).fill(1)), 10); }";
  const thread = await runJob(hoard, 128);
  expect(await thread.exit).toMatchObject({ code: "out-of-memory", domain: "user" });
}, 20_000);

test("a slot's host knows what it holds", async () => {
  const thread = startThread();
  await thread.until(addressOf);
  await vi.waitFor(() => expect(thread.handle.memory()?.heapBytes).toBeGreaterThan(1e6), 5_000);
});

test("a terminated slot leaves no socket behind (L5)", async () => {
  const thread = startThread();
  const socketFolder = dirname((await thread.until(addressOf)).slice("unix:".length));
  expect(existsSync(socketFolder)).toBe(true);
  await thread.handle.terminate();
  expect(existsSync(socketFolder)).toBe(false);
});
