import type { JoinSpec, TableSpec, WindowSpec } from "@millrace/graph";
import { describe, expect, test } from "vitest";

import { testBackends } from "../test-backends.ts";
import { JoinUnderTest } from "./test-kit.ts";

const valueOf = (value: unknown): unknown => value;
const join = (left: unknown, right: unknown): string => `${String(left)}-${String(right)}`;

const sides: WindowSpec = {
  kind: "window",
  assigner: { kind: "tumbling", sizeMs: 10, offsetMs: 0 },
  allowedLatenessMs: 0,
  aggregate: {
    create: () => "",
    add: (text: string, record: unknown) => `${text}<${String(record)}`,
    addSecond: (text: string, record: unknown) => `${text}>${String(record)}`,
    merge: (into: string, from: string) => into + from,
    result: (text: string) => text,
  },
};

/** What is at exactly the watermark of both inputs: their least, as the input gate gives it. */
describe.each(testBackends)("at exactly the watermark of both inputs, on %s", (_name, create) => {
  test("a window join takes a record of either side while its window is open, and no longer", () => {
    const windows = new JoinUnderTest(sides, create()).left("k", "A", 3).watermark(8);
    windows.left("k", "B", 8).right("k", "b", 8).watermark(9);
    expect(windows.take()).toEqual([["<A<B>b", 9]]);
    windows.left("k", "C", 9).right("k", "c", 9).watermark(Infinity);
    expect(windows.take()).toEqual([]);
    expect(windows.lateCount).toBe(2);
  });

  test("a temporal join drops and counts a record; a version replaces the one before it", () => {
    const spec: JoinSpec = {
      kind: "join",
      type: "temporal",
      mode: "left",
      right: { valueOf },
      join,
    };
    const temporal = new JoinUnderTest(spec, create()).right("k", "v1", 5).watermark(10);
    temporal.left("k", "A", 10).right("k", "v2", 10).left("k", "B", 11).watermark(11);
    expect(temporal.take()).toEqual([["B-v2", 11]]);
    expect(temporal.lateCount).toBe(1);
  });

  test("joinLatest takes a record as any other", () => {
    const right = { valueOf, order: "event-time" } as const;
    const spec: JoinSpec = { kind: "join", type: "lookup", mode: "left", right, join };
    const latest = new JoinUnderTest(spec, create()).right("k", "v1", 5).watermark(10);
    latest.left("k", "A", 10).right("k", "v2", 10).left("k", "B", 10);
    expect(latest.take()).toEqual([
      ["A-v1", 10],
      ["B-v2", 10],
    ]);
    expect(latest.lateCount).toBe(0);
  });

  test("a table takes a record that is newer than its row; without a row it is late", () => {
    const spec: TableSpec = { kind: "table", valueOf, order: "event-time" };
    const table = new JoinUnderTest(spec, create()).left("k", "v1", 5).watermark(10);
    table.left("k", "v2", 10).left("unknown", "v", 10);
    expect(table.take().at(-1)).toEqual([{ key: "k", before: "v1", after: "v2" }, 10]);
    expect(table.lateCount).toBe(1);
  });
});

describe.each(testBackends)("joinLatest on %s", (_name, create) => {
  test("keeps one row for each key, none of deleted keys, and nothing of the stream", () => {
    const right = { valueOf, order: "arrival" } as const;
    const spec: JoinSpec = { kind: "join", type: "lookup", mode: "left", right, join };
    const latest = new JoinUnderTest(spec, create());
    for (let at = 0; at < 20; at += 1)
      latest.right("k", at, at).left("k", "A", at).left(null, "B", at);
    expect(latest.cellCount()).toBe(1);
    latest.restore().left("k", "C", 20).right("k", null, 21);
    expect(latest.take().at(-1)).toEqual(["C-19", 20]);
    expect(latest.cellCount()).toBe(0);
  });
});
