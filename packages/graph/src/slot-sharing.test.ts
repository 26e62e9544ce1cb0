import { parseWorkerId } from "@millrace/core";
import { describe, expect, test } from "vitest";

import { assignSlots, type FreeSlot } from "./assign-slots.ts";
import { expandExecutionGraph } from "./execution-graph.ts";
import type { JobGraph } from "./job-graph.ts";
import { parseJobGraph } from "./parse-job-graph.ts";
import { canonicalPlanJson, planJob } from "./plan-job.ts";
import { widestThatFits } from "./slot-sharing.ts";
import { graphOf, specs, type TestNode } from "./test-graphs.ts";

function planOf(nodes: readonly TestNode[]): JobGraph {
  return planJob(graphOf(nodes));
}

/** Chains with their groups. */
function groupsOf(nodes: readonly TestNode[]): readonly string[] {
  return planOf(nodes).vertices.map(({ operators, slotSharingGroup = "-" }) =>
    [...operators.map(({ name }) => name), slotSharingGroup].join(" "),
  );
}

const source = { name: "in", spec: specs.source };
const heavy = { slotSharingGroup: "heavy" };

describe("the slot sharing group of an operator", () => {
  test("is that of its input, through what is no operator", () => {
    expect(
      groupsOf([
        source,
        { name: "parse", inputs: ["in"], ...heavy, spec: specs.map },
        { name: "key", inputs: ["parse"], spec: specs.keyBy },
        { name: "sum", inputs: ["key"], spec: specs.reduce },
        { name: "out", inputs: ["sum"], spec: specs.sink },
      ]),
    ).toEqual(["in -", "parse heavy", "sum out heavy"]);
  });

  test("is the default one where inputs disagree, and theirs where they agree", () => {
    const both = (second: Partial<TestNode>): readonly string[] =>
      groupsOf([
        { name: "a", ...heavy, spec: specs.source },
        { name: "b", ...second, spec: specs.source },
        { name: "both", inputs: ["a", "b"], spec: specs.union },
        { name: "out", inputs: ["both"], spec: specs.sink },
      ]);
    expect(both({})).toEqual(["a heavy", "b -", "out -"]);
    expect(both({ slotSharingGroup: "light" })).toEqual(["a heavy", "b light", "out -"]);
    expect(both(heavy)).toEqual(["a heavy", "b heavy", "out heavy"]);
  });

  test("may be the default one again, by its name", () => {
    expect(
      groupsOf([
        source,
        { name: "parse", inputs: ["in"], ...heavy, spec: specs.map },
        { name: "out", inputs: ["parse"], slotSharingGroup: "default", spec: specs.sink },
      ]),
    ).toEqual(["in -", "parse heavy", "out -"]);
  });

  test("ends a chain where it changes; the edge still leads from subtask to subtask", () => {
    const plan = planOf([
      source,
      { name: "double", inputs: ["in"], spec: specs.map },
      { name: "parse", inputs: ["double"], ...heavy, spec: specs.map },
      { name: "out", inputs: ["parse"], spec: specs.sink },
    ]);
    expect(plan.vertices.map(({ operators }) => operators.map(({ name }) => name))).toEqual([
      ["in", "double"],
      ["parse", "out"],
    ]);
    expect(plan.edges).toMatchObject([{ partitioning: { kind: "forward" } }]);
  });

  test("is in the plan, and the default one leaves the plan as it was without groups", () => {
    const nodes = (group: object): readonly TestNode[] => [
      source,
      { name: "out", inputs: ["in"], ...group, spec: specs.sink },
    ];
    const plan = planOf(nodes(heavy));
    expect(parseJobGraph(canonicalPlanJson(plan))).toEqual(plan);
    expect(planOf(nodes({ slotSharingGroup: "default" }))).toEqual(planOf(nodes({})));
    expect(canonicalPlanJson(planOf(nodes({})))).not.toContain("slotSharingGroup");
  });

  test("is refused where it is no name, and on what is no operator", () => {
    const end = { name: "out", inputs: ["more"], spec: specs.sink };
    const union = { name: "more", inputs: ["in"], spec: specs.union };
    expect(() => planOf([source, { ...union, ...heavy }, end])).toThrow(
      /operator more: slotSharingGroup\(\) belongs to an operator, and a union is none/,
    );
    expect(() => planOf([source, union, { ...end, slotSharingGroup: "a b" }])).toThrow(
      /operator out: the slot sharing group "a b" is not a name/,
    );
  });
});

describe("a job with slot sharing groups", () => {
  const plan = planOf([
    { name: "in", parallelism: 2, spec: specs.source },
    { name: "parse", inputs: ["in"], ...heavy, spec: specs.map },
    { name: "key", inputs: ["parse"], spec: specs.keyBy },
    { name: "sum", inputs: ["key"], spec: specs.reduce },
    { name: "out", inputs: ["sum"], parallelism: 1, slotSharingGroup: "default", spec: specs.sink },
  ]);
  const free = (count: number): readonly FreeSlot[] =>
    Array.from({ length: count }, (_, slotIndex) => ({
      workerId: parseWorkerId("w"),
      slotIndex,
      dataAddress: `unix:${slotIndex}`,
    }));

  test("needs the slots of each group's widest operator, all together", () => {
    expect(expandExecutionGraph(plan, { defaultParallelism: 3 }).slotsNeeded).toBe(2 + 3);
    expect(expandExecutionGraph(plan, { defaultParallelism: 1 }).slotsNeeded).toBe(2 + 1);
    const graph = expandExecutionGraph(plan, { defaultParallelism: 3 });
    expect(assignSlots(graph, free(4))).toEqual({ kind: "not-enough-slots", needed: 5, free: 4 });
  });

  test("has the subtasks of one group and index in one slot, and shares no slot between groups", () => {
    const graph = expandExecutionGraph(plan, { defaultParallelism: 3 });
    const assignment = assignSlots(graph, free(5));
    const placements = assignment.kind === "placed" ? assignment.placements : [];
    const bySlot = Map.groupBy(placements, ({ slotIndex }) => slotIndex);
    expect([...bySlot.values()].map((slot) => slot.map(({ subtaskId }) => subtaskId))).toEqual([
      ["in/0", "out/0"],
      ["in/1"],
      ["parse/0", "sum/0"],
      ["parse/1", "sum/1"],
      ["parse/2", "sum/2"],
    ]);
  });

  test("keeps the slots of the attempt before, by their numbers", () => {
    const graph = expandExecutionGraph(plan, { defaultParallelism: 2 });
    const assignment = assignSlots(graph, free(5), free(5).toReversed());
    const placements = assignment.kind === "placed" ? assignment.placements : [];
    const slotOf = (id: string): number | undefined =>
      placements.find(({ subtaskId }) => subtaskId === id)?.slotIndex;
    expect(["in/0", "in/1", "parse/0", "sum/1"].map(slotOf)).toEqual([4, 3, 2, 1]);
  });

  test("takes as many subtasks as fit, where nobody says how many", () => {
    expect([0, 2, 3, 5, 7, 100].map((count) => widestThatFits(plan, count, 8))).toEqual([
      1, 1, 1, 3, 5, 8,
    ]);
  });
});
