import type { JoinMode, JoinSpec, TableOrder } from "@millrace/graph";
import { describe, expect, test } from "vitest";

import { testBackends } from "../test-backends.ts";
import { JoinUnderTest } from "./test-kit.ts";

/*
 * Kafka Streams' published results: the two inputs of its page of join semantics
 * (https://cwiki.apache.org/confluence/display/KAFKA/Kafka+Streams+Join+Semantics, also in the developer guide), as
 * its own tests extend them by records out of order (Apache Kafka 4: StreamStreamJoinIntegrationTest,
 * StreamTableJoinIntegrationTest and TableTableJoinIntegrationTest, with the inputs of
 * AbstractJoinIntegrationTest). Each row: side, value, time; what follows is what each variant emits,
 * `value@time`, with `null` for a deleted row. Where ours differs, a test of its own says so and why.
 */
type Input = readonly [side: "left" | "right", value: string | null, at: number];

const inputs: readonly Input[] = [
  ["left", null, 1],
  ["right", null, 2],
  ["left", "A", 3],
  ["right", "a", 4],
  ["left", "B", 5],
  ["right", "b", 6],
  ["left", null, 7],
  ["right", null, 8],
  ["left", "C", 9],
  ["right", "c", 10],
  ["right", null, 11],
  ["left", null, 12],
  ["right", null, 13],
];

/** Out of order, first behind deletions, then behind rows. */
const outOfOrder: readonly Input[] = [
  ["right", "d", 7],
  ["left", "D", 6],
  ["left", null, 2],
  ["right", null, 3],
  ["right", "e", 14],
  ["left", "E", 15],
  ["left", null, 10],
  ["right", null, 9],
  ["left", "F", 4],
  ["right", "f", 3],
];

function join(left: string | undefined, right: string | undefined): string {
  return `${left ?? "null"}-${right ?? "null"}`;
}

/** Returns what each input emits, as `value@time`; changes as the new row. */
function run(spec: JoinSpec, records: readonly Input[], joined: JoinUnderTest): readonly string[] {
  return records.map(([side, value, at]) => {
    // Streams know no deletions: Kafka Streams drops such records of a stream.
    const isStream = spec.type === "interval" || (spec.type !== "tables" && side === "left");
    if (!isStream || value !== null) joined[side]("key", value, at);
    return joined
      .take()
      .map(([emitted, time]) => `${rowOf(emitted)}@${time}`)
      .join(" ");
  });
}

function rowOf(emitted: unknown): string {
  if (typeof emitted !== "object" || emitted === null || !("after" in emitted))
    return String(emitted);
  return String(emitted.after);
}

const valueOf = (value: string | null): string | null => value;

describe.each(testBackends)("Kafka Streams' join table on %s", (_name, create) => {
  describe("stream and stream", () => {
    const spec = (mode: JoinMode): JoinSpec => ({
      kind: "join",
      type: "interval",
      mode,
      lowerMs: -15,
      upperMs: 15,
      isLowerExclusive: false,
      isUpperExclusive: false,
      join,
    });
    const last: readonly Input[] = [
      ["right", "d", 14],
      ["left", "D", 15],
    ];
    const pairs = [
      ["", "", "", "A-a@4", "B-a@5", "A-b@6 B-b@6", "", "", "C-a@9 C-b@9"],
      ["A-c@10 B-c@10 C-c@10", "", "", "", "A-d@14 B-d@14 C-d@14"],
      ["D-a@15 D-b@15 D-c@15 D-d@15"],
    ].flat();

    test.each(["inner", "left", "right", "outer"] as const)(
      "%s: every pair of the window, once, with the later time",
      (mode) => {
        const joined = new JoinUnderTest(spec(mode), create());
        expect(run(spec(mode), [...inputs, ...last], joined)).toEqual(pairs);
        expect(joined.watermark(Infinity).take()).toEqual([]);
      },
    );

    test("a record alone comes out when the watermark closes its window, with the time of that", () => {
      // The page's rows 40 E, 60 F, 80 f, 100 G: Kafka Streams emits E-null when it sees F, with E's time, 40.
      const joined = new JoinUnderTest(spec("outer"), create());
      const row = (side: "left" | "right", value: string, at: number) => {
        // As if both inputs were in order, and this record the latest of both.
        joined.watermark(at - 1);
        joined[side]("key", value, at);
        return joined.take();
      };
      expect(row("left", "E", 40)).toEqual([]);
      expect(row("left", "F", 60)).toEqual([["E-null", 55]]);
      expect(row("right", "f", 80)).toEqual([["F-null", 75]]);
      expect(row("left", "G", 100)).toEqual([["null-f", 95]]);
    });
  });

  describe("stream and table", () => {
    const spec = (mode: "inner" | "left", order: TableOrder): JoinSpec => ({
      kind: "join",
      type: "lookup",
      mode,
      right: { valueOf, order },
      join,
    });
    const inner = { 4: "B-a@5", 14: "D-d@6", 18: "E-e@15" };
    const left = { ...inner, 2: "A-null@3", 8: "C-null@9", 21: "F-null@4" };

    test.each([
      ["inner", inner],
      ["left", left],
    ] as const)("%s: the row that is there when the record comes", (mode, expected) => {
      const joined = new JoinUnderTest(spec(mode, "arrival"), create());
      expect(run(spec(mode, "arrival"), [...inputs, ...outOfOrder], joined)).toEqual(
        rows(expected),
      );
    });

    test("by event time a row that comes late replaces none", () => {
      const joined = new JoinUnderTest(spec("left", "event-time"), create());
      expect(run(spec("left", "event-time"), [...inputs, ...outOfOrder], joined)).toEqual(
        rows({ ...left, 14: "D-null@6", 21: "F-e@4" }),
      );
    });

    test("as of event time: as its versioned table, but for versions that come later", () => {
      // Kafka Streams looks among the versions so far and emits A-null: f of time 3 comes after A. Here
      // the watermark is waited for, so results come by time and do not depend on arrival.
      const temporal: JoinSpec = {
        kind: "join",
        type: "temporal",
        mode: "left",
        right: { valueOf },
        join,
      };
      const joined = new JoinUnderTest(temporal, create());
      expect(run(temporal, [...inputs, ...outOfOrder], joined).join("")).toBe("");
      expect(joined.watermark(Infinity).take()).toEqual([
        ["A-f", 3],
        ["F-a", 4],
        ["B-a", 5],
        ["D-b", 6],
        ["C-null", 9],
        ["E-e", 15],
      ]);
    });
  });

  describe("table and table", () => {
    const spec = (mode: JoinMode, orders: readonly [TableOrder, TableOrder]): JoinSpec => ({
      kind: "join",
      type: "tables",
      mode,
      left: { valueOf, order: orders[0] },
      right: { valueOf, order: orders[1] },
      join,
    });
    const inner = { 3: "A-a@4", 4: "B-a@5", 5: "B-b@6", 6: "null@7", 9: "C-c@10", 10: "null@11" };
    const left = { ...inner, 2: "A-null@3", 8: "C-null@9", 10: "C-null@11", 11: "null@12" };
    const outer = { ...left, 6: "null-b@7", 7: "null@8" };
    const arrival = {
      inner: { ...inner, 14: "D-d@7", 15: "null@7", 18: "E-e@15", 19: "null@14", 22: "F-f@4" },
      left: {
        ...left,
        14: "D-d@7",
        15: "null@7",
        18: "E-e@15",
        19: "null@14",
        21: "F-null@4",
        22: "F-f@4",
      },
      outer: {
        ...outer,
        13: "null-d@7",
        14: "D-d@7",
        15: "null-d@7",
        16: "null@3",
        17: "null-e@14",
        18: "E-e@15",
        19: "null-e@14",
        20: "null@9",
        21: "F-null@4",
        22: "F-f@4",
      },
    };

    test.each([
      ["inner", arrival.inner],
      ["left", arrival.left],
      ["outer", arrival.outer],
    ] as const)("%s: each change of the row, by arrival", (mode, expected) => {
      const both = spec(mode, ["arrival", "arrival"]);
      const joined = new JoinUnderTest(both, create());
      expect(run(both, [...inputs, ...outOfOrder], joined)).toEqual(rows(expected));
    });

    test.each([
      ["inner", { ...inner, 18: "E-e@15" }],
      ["left", { ...left, 18: "E-e@15" }],
      ["outer", { ...outer, 17: "null-e@14", 18: "E-e@15" }],
    ] as const)(
      "%s: by event time, as its versioned tables, nothing out of order changes a row",
      (mode, expected) => {
        const both = spec(mode, ["event-time", "event-time"]);
        const joined = new JoinUnderTest(both, create());
        expect(run(both, [...inputs, ...outOfOrder], joined)).toEqual(rows(expected));
      },
    );

    test.each([
      ["inner", { ...inner, 18: "E-e@15", 20: "null@15", 22: "E-f@15" }],
      ["left", { ...left, 18: "E-e@15", 20: "E-null@15", 22: "E-f@15" }],
      [
        "outer",
        {
          ...outer,
          13: "null-d@7",
          16: "null@3",
          17: "null-e@14",
          18: "E-e@15",
          20: "E-null@15",
          22: "E-f@15",
        },
      ],
    ] as const)("%s: only the left one by event time", (mode, expected) => {
      const both = spec(mode, ["event-time", "arrival"]);
      const joined = new JoinUnderTest(both, create());
      expect(run(both, [...inputs, ...outOfOrder], joined)).toEqual(rows(expected));
    });

    test("inner: only the right one by event time", () => {
      const both = spec("inner", ["arrival", "event-time"]);
      const joined = new JoinUnderTest(both, create());
      expect(run(both, [...inputs, ...outOfOrder], joined)).toEqual(
        rows({ ...inner, 18: "E-e@15", 19: "null@14", 21: "F-e@14" }),
      );
    });
  });
});

/** Returns what each of the inputs emits, by its index; nothing unless given. */
function rows(emitted: Readonly<Record<number, string>>): readonly string[] {
  return [...inputs, ...outOfOrder].map((_input, index) => emitted[index] ?? "");
}
