import type { JsonValue } from "@millrace/core";
import type { SourceConnector, SourceSpec, WindowSpec } from "@millrace/graph";
import { decodeListBlock } from "@millrace/state";

import {
  jobOf,
  SlotWorld,
  type SnapshotEvent,
  type TestNode,
  type WorldOptions,
} from "./slot-world.ts";
import { testSource, type TestRecord, type TestTarget } from "./test-connectors.ts";

const watermarks: NonNullable<SourceSpec["watermarks"]> = {
  timestamp: (record: TestRecord) => record.atMs,
  outOfOrdernessMs: 5,
};

export function recordsOf(count: number, offset = 0): TestRecord[] {
  return Array.from({ length: count }, (_, index) => ({
    key: `key-${index % 5}`,
    atMs: offset + index * 10,
    value: index,
  }));
}

export type Splits = readonly (readonly TestRecord[])[];

export function sourceNode(
  splits: Splits,
  options: Parameters<typeof testSource>[1] = {},
): TestNode {
  const connector = testSource(splits, options);
  return { name: "numbers", inputs: [], spec: { kind: "source", connector, watermarks } };
}

/** A hundred records, ten in a second. */
export function slowSource(
  connector: SourceConnector<unknown> = testSource([recordsOf(100)]),
): TestNode {
  return {
    name: "numbers",
    inputs: [],
    spec: { kind: "source", connector, watermarks, rateLimit: 10 },
  };
}

export function sinkNode(target: TestTarget, input: number): TestNode {
  return { name: "board", inputs: [input], spec: { kind: "sink", connector: target.connector() } };
}

export function mapNode(map: (record: TestRecord) => unknown, input = 0): TestNode {
  return { name: "double", inputs: [input], spec: { kind: "map", map } };
}

export function chainNodes(target: TestTarget, splits: Splits): TestNode[] {
  return [
    sourceNode(splits),
    mapNode((record) => record.value * 2),
    {
      name: "odd",
      inputs: [1],
      spec: { kind: "filter", filter: (value: number) => value % 4 > 0 },
    },
    {
      name: "twice",
      inputs: [2],
      spec: { kind: "flat-map", flatMap: (value: number) => [value, value + 1] },
    },
    sinkNode(target, 3),
  ];
}

export const sumPerWindow: WindowSpec = {
  kind: "window",
  assigner: { kind: "tumbling", sizeMs: 100, offsetMs: 0 },
  allowedLatenessMs: 0,
  aggregate: {
    create: () => ({ sum: 0 }),
    add: (sum: { sum: number }, record: TestRecord) => {
      sum.sum += record.value;
    },
    merge: (a: { sum: number }, b: { sum: number }) => ({ sum: a.sum + b.sum }),
    result: (
      { sum }: { sum: number },
      { key, window }: { key: string; window: { start: number } },
    ) => ({ key, start: window.start, sum }),
  },
};

export function windowNodes(target: TestTarget, splits: Splits, rateLimit?: number): TestNode[] {
  const connector = testSource(splits);
  const limit = rateLimit === undefined ? {} : { rateLimit };
  return [
    { name: "numbers", inputs: [], spec: { kind: "source", connector, watermarks, ...limit } },
    mapNode((record) => ({ ...record, value: record.value * 2 })),
    { name: "by-key", inputs: [1], spec: { kind: "key-by", key: (one: TestRecord) => one.key } },
    { name: "sums", inputs: [2], spec: sumPerWindow },
    sinkNode(target, 3),
  ];
}

export function expectedSums(splits: Splits): unknown[] {
  const sums = new Map<string, { key: string; start: number; sum: number }>();
  for (const { key, atMs, value } of splits.flat()) {
    const start = Math.floor(atMs / 100) * 100;
    const name = `${key} ${start}`;
    const sum = sums.get(name) ?? { key, start, sum: 0 };
    sums.set(name, { ...sum, sum: sum.sum + value * 2 });
  }
  return sorted([...sums.values()]);
}

export function sorted(values: readonly unknown[]): unknown[] {
  return values.map((value) => JSON.stringify(value)).toSorted();
}

export function worldOf(
  nodes: readonly TestNode[],
  options: Partial<WorldOptions> = {},
): SlotWorld {
  return new SlotWorld({ job: jobOf(nodes), parallelism: 1, ...options });
}

export async function drained(world: SlotWorld, subtask: string): Promise<void> {
  await world.time.runUntil(() => world.stateOf(subtask) === "drained");
}

/** Has all slots let go, and returns once they say that they have. */
export async function letGo(world: SlotWorld): Promise<void> {
  world.broadcast({ kind: "let-go" });
  await world.time.runUntil(() => world.events("let-go").length === world.slots.length);
}

/** Hands the source its split and says that another may come: the input does not end. */
export async function assignOpenSplit(world: SlotWorld): Promise<void> {
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

/** The entries that an operator's subtasks stored. */
export function listEntries(
  snapshot: readonly SnapshotEvent[],
  operator: string,
): { readonly [field: string]: JsonValue }[] {
  return snapshot.flatMap((event) =>
    event.kind === "snapshot-block" && event.block.operator === operator
      ? // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- entries of ours are objects
        (decodeListBlock(event.block) as { [field: string]: JsonValue }[])
      : [],
  );
}
