import { parseCheckpointId, type Logger } from "@millrace/core";
import type { SourceConnector } from "@millrace/graph";
import { expect, test } from "vitest";

import type { TestNode } from "../test-kit/slot-world.ts";
import { TestTarget, testSource } from "../test-kit/test-connectors.ts";
import {
  drained,
  letGo,
  recordsOf,
  sinkNode,
  slowSource,
  sourceNode,
  worldOf,
} from "../test-kit/test-jobs.ts";

/** A target whose writers tell that they were closed, and when. */
function tellingTarget(told: string[]): TestTarget {
  const target = new TestTarget();
  target.close = () => {
    told.push(`${target.written.length} written, ${target.records().length} published`);
    return Promise.resolve();
  };
  return target;
}

test("a sink's writer is closed when the slot is ended: behind the end of input and what it publishes", async () => {
  const told: string[] = [];
  const world = worldOf([sourceNode([recordsOf(100)]), sinkNode(tellingTarget(told), 0)]);
  await world.start();
  expect(world.events("holds-outside")).toHaveLength(1);
  await drained(world, "numbers/0");
  await world.checkpoint(1n);
  world.broadcast({ kind: "checkpoint-completed", checkpointId: parseCheckpointId(1n) });
  await world.time.run(1_000);
  expect(told).toEqual([]);
  await letGo(world);
  expect(told).toEqual(["100 written, 100 published"]);
});

test("a sink's writer is closed where records still come, and none comes behind it", async () => {
  const told: string[] = [];
  const target = tellingTarget(told);
  const world = worldOf([slowSource(), sinkNode(target, 0)]);
  await world.start();
  await world.time.run(1_000);
  await letGo(world);
  const { length } = target.written;
  await world.time.run(5_000);
  expect(length).toBeGreaterThan(0);
  expect(told).toEqual([`${length} written, 0 published`]);
  expect(target.written).toHaveLength(length);
});

test("a sink's writer is closed behind a failure", async () => {
  const told: string[] = [];
  const map = (): never => {
    throw new Error("no lamp");
  };
  const failing: TestNode = { name: "fails", inputs: [0], spec: { kind: "map", map } };
  const world = worldOf([sourceNode([recordsOf(100)]), failing, sinkNode(tellingTarget(told), 1)]);
  await world.start();
  await world.time.run(1_000);
  expect(world.failure()).toBeDefined();
  expect(told).toEqual([]);
  await letGo(world);
  expect(told).toEqual(["0 written, 0 published"]);
});

test("one writer that cannot be closed keeps no other from it, nor the readers", async () => {
  const told: string[] = [];
  const target = new TestTarget();
  target.close = () => {
    told.push("writer");
    return Promise.reject(new Error("no lamp"));
  };
  const connector = testSource([recordsOf(100)]);
  const closing: SourceConnector<unknown> = {
    ...connector,
    createReader: (context) => ({
      ...connector.createReader(context),
      close: () => {
        told.push("reader");
        throw new Error("no pump");
      },
    }),
  };
  const warned: unknown[] = [];
  const logger: Logger = {
    log: (level, message, fields) => void (level === "warn" && warned.push([message, fields])),
    with: () => logger,
  };
  const nodes = [slowSource(closing), sinkNode(target, 0)];
  const world = worldOf(nodes, { parallelism: 2, ports: { logger } });
  await world.start();
  await letGo(world);
  expect(told.toSorted()).toEqual(["reader", "reader", "writer", "writer"]);
  expect(warned).toHaveLength(4);
  expect(warned).toContainEqual([
    "closing failed",
    expect.objectContaining({
      operator: "numbers",
      cause: "close of source numbers failed: no pump",
    }) as unknown,
  ]);
});

test("a slot whose connectors have nothing to close is not asked to", async () => {
  const world = worldOf([slowSource(), sinkNode(new TestTarget(), 0)]);
  await world.start();
  expect(world.events("holds-outside")).toEqual([]);
});
