import { parseCheckpointId, parseVertexId, StreamError } from "@millrace/core";
import { createHeapBackend } from "@millrace/state";
import { describe, expect, test } from "vitest";

import { channelRoom } from "../test-kit/memory-exchange.ts";
import { jobOf, type TestNode } from "../test-kit/slot-world.ts";
import { TestTarget, testSource } from "../test-kit/test-connectors.ts";
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
  sumPerWindow,
  windowNodes,
  worldOf,
} from "../test-kit/test-jobs.ts";

describe("a chain", () => {
  test("runs source, functions and sink, drains, and publishes after the commit", async () => {
    const target = new TestTarget();
    const world = worldOf(chainNodes(target, [recordsOf(10)]));
    await world.start();
    await drained(world, "numbers/0");
    await world.checkpoint(1n, false);
    expect(target.records()).toEqual([]);
    await world.checkpoint(2n);
    expect(target.records()).toEqual([2, 3, 6, 7, 10, 11, 14, 15, 18, 19]);
    expect(world.events("published").map(({ checkpointId }) => checkpointId)).toEqual([2n]);
    expect(world.events("snapshot-done").every(({ isDrained }) => isDrained)).toBe(true);
  });

  test("names the operator, the split and the position of a throw, never the record (F24)", async () => {
    const world = worldOf([
      sourceNode([recordsOf(20)]),
      mapNode((record) => {
        if (record.value === 9) throw new TypeError("no nines");
        return record;
      }),
      sinkNode(new TestTarget(), 1),
    ]);
    await world.start();
    await world.time.runUntil(() => world.failure() !== undefined);
    expect(world.failure()).toMatchObject({
      failure: {
        code: "user-function-failed",
        domain: "user",
        message: expect.stringContaining("operator double threw TypeError: no nines"),
        location: { subtask: "numbers/0", operator: "double", position: "split split-0 at 9" },
      },
    });
  });

  test("names the channel, the frame and the key group of a throw behind an exchange (F24)", async () => {
    const nodes = windowNodes(new TestTarget(), [recordsOf(20)]);
    const world = worldOf([
      ...nodes.slice(0, 3),
      {
        name: "sums",
        inputs: [2],
        spec: {
          ...sumPerWindow,
          aggregate: {
            ...sumPerWindow.aggregate,
            add: () => {
              throw new Error("cannot add");
            },
          },
        },
      },
      sinkNode(new TestTarget(), 3),
    ]);
    await world.start();
    await world.time.runUntil(() => world.failure() !== undefined);
    expect(world.failure()).toMatchObject({
      failure: {
        code: "user-function-failed",
        location: {
          subtask: "sums/0",
          operator: "sums",
          channel: expect.stringMatching(
            /^edge 0 from subtask 0, frame 1, record 0, key group \d+$/,
          ),
        },
      },
    });
  });

  test("names the key function that throws", async () => {
    const nodes = windowNodes(new TestTarget(), [recordsOf(5)]);
    const throwing: TestNode = {
      name: "by-key",
      inputs: [1],
      spec: {
        kind: "key-by",
        key: () => {
          throw new Error("no key");
        },
      },
    };
    const world = worldOf(nodes.map((node) => (node.name === "by-key" ? throwing : node)));
    await world.start();
    await world.time.runUntil(() => world.failure() !== undefined);
    expect(world.failure()).toMatchObject({
      failure: { message: expect.stringContaining("the key function of operator by-key threw") },
    });
  });

  test("refuses a function that returns a promise", async () => {
    const world = worldOf([
      sourceNode([recordsOf(5)]),
      mapNode((record) => Promise.resolve(record)),
      sinkNode(new TestTarget(), 1),
    ]);
    await world.start();
    await world.time.runUntil(() => world.failure() !== undefined);
    expect(world.failure()).toMatchObject({
      failure: {
        code: "user-function-failed",
        message: expect.stringContaining("double returned a promise"),
      },
    });
  });

  test("keeps the code of a reader's error and says which split", async () => {
    const connector = testSource([recordsOf(5)]);
    const failing = {
      ...connector,
      createReader: () => ({
        open: () =>
          Promise.reject(
            new StreamError("input-unreadable", "cannot read", { domain: "user", retry: "never" }),
          ),
      }),
    };
    const world = worldOf([
      { name: "numbers", inputs: [], spec: { kind: "source", connector: failing } },
      sinkNode(new TestTarget(), 0),
    ]);
    await world.start();
    await world.time.runUntil(() => world.failure() !== undefined);
    expect(world.failure()).toMatchObject({
      failure: {
        code: "input-unreadable",
        location: { subtask: "numbers/0", position: "split split-0 at its beginning" },
      },
    });
  });
});

describe("preparing", () => {
  test("is refused with plan-mismatch when the module builds another plan", async () => {
    const target = new TestTarget();
    const world = worldOf(chainNodes(target, [recordsOf(3)]), {
      ports: { loadJob: () => Promise.resolve(jobOf(windowNodes(target, [recordsOf(3)]))) },
    });
    await world.prepare();
    expect(world.failure()).toMatchObject({ failure: { code: "plan-mismatch" } });
  });

  test("reports a module that fails to build as the author's failure", async () => {
    const job = jobOf(chainNodes(new TestTarget(), [recordsOf(3)]));
    const broken = {
      ...job,
      build: () => {
        throw new Error("not today");
      },
    };
    const world = worldOf(chainNodes(new TestTarget(), [recordsOf(3)]), {
      ports: { loadJob: () => Promise.resolve(broken) },
    });
    await world.prepare();
    expect(world.failure()).toMatchObject({
      failure: { code: "job-module-failed", message: expect.stringContaining("not today") },
    });
  });

  test("reports nothing as running before start", async () => {
    const world = worldOf(chainNodes(new TestTarget(), [recordsOf(3)]));
    await world.prepare();
    await world.time.run(100);
    expect(world.stateOf("numbers/0")).toBe("ready");
    expect(world.events("request-split")).toEqual([]);
  });
});

describe("checkpoints", () => {
  test("in the middle of a batch, restored, give every record once (S8, S13)", async () => {
    const target = new TestTarget();
    const splits = [recordsOf(60), recordsOf(60, 600)];
    const first = worldOf(chainNodes(target, splits));
    await first.start();
    await first.time.runUntil(() => target.written.length > 3);
    const snapshot = await first.checkpoint(1n);
    const [entry] = listEntries(snapshot, "numbers");
    expect(entry?.["position"]).toBeGreaterThan(0);

    const second = worldOf(chainNodes(target, splits), {
      restore: snapshot,
      attempt: 2,
      pool: first.pool(),
    });
    await second.start();
    await drained(second, "numbers/0");
    await second.checkpoint(2n);
    const expected = splits.flat().flatMap(({ value }) => {
      const doubled = value * 2;
      return doubled % 4 > 0 ? [doubled, doubled + 1] : [];
    });
    expect(target.records()).toEqual(expected);
  });

  test("hold a split that was assigned and is not open yet (S9)", async () => {
    const splits = [recordsOf(10)];
    const world = worldOf([
      sourceNode(splits, { openDelayMs: 500 }),
      sinkNode(new TestTarget(), 0),
    ]);
    await world.start();
    await world.time.run(10);
    expect(world.pool()).toEqual([]);
    const snapshot = await world.checkpoint(1n);
    expect(listEntries(snapshot, "numbers")).toMatchObject([{ split: { id: "split-0" } }]);
    expect(listEntries(snapshot, "numbers")[0]).not.toHaveProperty("position");
  });

  test("take an assignment behind a barrier into the next cut only (S9)", async () => {
    const world = worldOf(
      [sourceNode([recordsOf(10)], { openDelayMs: 500 }), sinkNode(new TestTarget(), 0)],
      { isAssigningByHand: true },
    );
    await world.start();
    world.injectBarrier(1n);
    world.broadcast({
      kind: "assign-split",
      vertexId: parseVertexId("numbers"),
      subtaskIndex: 0,
      requestNumber: 1,
      split: { id: "split-0", descriptor: 0 },
      isPoolEmpty: true,
      poolLowerBoundMs: Infinity,
    });
    const snapshot = await world.checkpoint(2n);
    expect(listEntries(snapshot, "numbers")).toHaveLength(1);
    const blocks = world.events("snapshot-block");
    expect(world.events("request-split")).toHaveLength(1);
    expect(
      listEntries(
        blocks.filter(({ checkpointId }) => checkpointId === 1n),
        "numbers",
      ),
    ).toEqual([]);
  });

  test("wait for a watermark that is being fired (S8)", async () => {
    const target = new TestTarget();
    const keys = Array.from({ length: 300 }, (_, index) => ({
      key: `key-${index}`,
      atMs: 5,
      value: 1,
    }));
    const last = { key: "last", atMs: 1_000, value: 0 };
    const splits = [[...keys, last]];
    const nodes = windowNodes(target, splits);
    const world = worldOf([
      ...nodes.slice(0, 4),
      { name: "by-sum", inputs: [3], spec: { kind: "rebalance" } },
      { name: "board", inputs: [4], spec: { kind: "sink", connector: target.connector() } },
    ]);
    await world.start();
    // The firing pauses whenever the channel to the sink is full: many turns for 300 windows.
    expect(keys.length).toBeGreaterThan(channelRoom * 2);
    await world.time.runUntil(() => target.written.length > 0);
    const snapshot = await world.checkpoint(1n);
    const rest = worldOf(nodes, { restore: snapshot, attempt: 2, pool: [] });
    await rest.start();
    await drained(rest, "sums/0");
    await rest.checkpoint(2n);
    expect(sorted(target.records())).toEqual(expectedSums(splits));
  });

  test("of an aborted id answer nothing further, and the next one succeeds", async () => {
    const target = new TestTarget();
    const splits = [recordsOf(200)];
    const world = worldOf(windowNodes(target, splits));
    await world.start();
    await drained(world, "sums/0");
    world.injectBarrier(1n);
    world.broadcast({ kind: "checkpoint-aborted", checkpointId: parseCheckpointId(1n) });
    await world.checkpoint(2n);
    expect(sorted(target.records())).toEqual(expectedSums(splits));
  });

  test("that cannot be encoded fail the attempt: no later checkpoint could succeed (F26)", async () => {
    const world = worldOf(windowNodes(new TestTarget(), [recordsOf(20)]), {
      ports: {
        createKeyedBackend: (options) =>
          Object.assign(createHeapBackend(options), {
            beginSnapshot: () => ({ step: refuseState, cancel: () => {} }),
          }),
      },
    });
    await world.start();
    await drained(world, "sums/0");
    world.injectBarrier(1n);
    await world.time.run(10);
    expect(world.failure()).toMatchObject({
      failure: { code: "state-not-encodable", location: { subtask: "sums/0" } },
    });
    expect(world.events("snapshot-failed")).toEqual([]);
  });
});

function refuseState(): never {
  throw new StreamError("state-not-encodable", "a function in state sums", {
    domain: "user",
    retry: "never",
  });
}
