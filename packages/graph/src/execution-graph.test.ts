import { parseWorkerId } from "@millrace/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { assignSlots, type FreeSlot } from "./assign-slots.ts";
import { channelSources, channelTargets, expandExecutionGraph } from "./execution-graph.ts";
import { planJob } from "./plan-job.ts";
import { graphOf, specs } from "./test-graphs.ts";

const plan = planJob(
  graphOf([
    { name: "in", parallelism: 1, spec: specs.source },
    { name: "key", inputs: ["in"], spec: specs.keyBy },
    { name: "sum", inputs: ["key"], spec: specs.reduce },
    { name: "also", inputs: ["sum"], chaining: "head", spec: specs.print },
    { name: "out", inputs: ["sum"], chaining: "head", spec: specs.sink },
  ]),
);

describe("expandExecutionGraph", () => {
  const graph = expandExecutionGraph(plan, { defaultParallelism: 3 });

  test("lists subtasks by vertex and index and needs a slot per largest parallelism", () => {
    expect(graph.subtasks.map(({ subtaskId }) => subtaskId)).toEqual([
      "in/0",
      "sum/0",
      "sum/1",
      "sum/2",
      "also/0",
      "also/1",
      "also/2",
      "out/0",
      "out/1",
      "out/2",
    ]);
    expect(graph.slotsNeeded).toBe(3);
  });

  test("connects all with all, but forwards one to one", () => {
    const channels = graph.edges.map((edge) =>
      Array.from({ length: edge.fromParallelism }, (_, index) => channelTargets(edge, index)),
    );
    expect(channels).toEqual([[[0, 1, 2]], [[0], [1], [2]], [[0], [1], [2]]]);
  });

  test("names the same channels from either end", () => {
    for (const edge of graph.edges) {
      for (let to = 0; to < edge.toParallelism; to += 1) {
        for (const from of channelSources(edge, to)) {
          expect(channelTargets(edge, from)).toContain(to);
        }
      }
    }
  });

  test.each([0, 1.5, 129])("refuses parallelism %d", (defaultParallelism) => {
    expect(() => expandExecutionGraph(plan, { defaultParallelism })).toThrow(
      expect.objectContaining({ code: "invalid-argument" }),
    );
  });
});

describe("a rescaling edge", () => {
  const rescaled = (from: number, to: number) => {
    const near = planJob(
      graphOf([
        { name: "in", parallelism: from, spec: specs.source },
        { name: "near", inputs: ["in"], spec: specs.rescale },
        { name: "out", parallelism: to, inputs: ["near"], spec: specs.print },
      ]),
    );
    const [edge] = expandExecutionGraph(near, { defaultParallelism: 1 }).edges;
    if (edge === undefined) throw new Error("there is an edge");
    return edge;
  };

  test.each([
    [
      2,
      4,
      [
        [0, 1],
        [2, 3],
      ],
    ],
    [4, 2, [[0], [0], [1], [1]]],
    [2, 3, [[0, 1], [2]]],
    [3, 2, [[0], [1], [1]]],
  ])("from %d to %d subtasks connects neighbours", (from, to, targets) => {
    const edge = rescaled(from, to);
    const found = Array.from({ length: from }, (_, index) => channelTargets(edge, index));
    expect(found).toEqual(targets);
  });

  test("leaves no sender without a receiver and no receiver without a sender, from either end", () => {
    const count = fc.integer({ min: 1, max: 40 });
    fc.assert(
      fc.property(count, count, (from, to) => {
        const edge = rescaled(from, to);
        const pairs = (
          of: number,
          ends: (index: number) => readonly (readonly [number, number])[],
        ) =>
          Array.from({ length: of }, (_, index) => ends(index))
            .flat()
            .map(String)
            .toSorted();
        const bySender = pairs(from, (index) =>
          channelTargets(edge, index).map((end) => [index, end] as const),
        );
        const byReceiver = pairs(to, (index) =>
          channelSources(edge, index).map((start) => [start, index] as const),
        );
        expect(bySender).toEqual(byReceiver);
        expect(bySender).toHaveLength(Math.max(from, to));
      }),
    );
  });
});

describe("assignSlots", () => {
  const graph = expandExecutionGraph(plan, { defaultParallelism: 4 });

  function slots(...names: readonly string[]): readonly FreeSlot[] {
    return names.map((name) => {
      const [worker = "", index = ""] = name.split("#");
      return {
        workerId: parseWorkerId(worker),
        slotIndex: Number(index),
        dataAddress: `unix:${name}`,
      };
    });
  }

  function placesOf(free: readonly FreeSlot[], previous?: readonly FreeSlot[]): readonly string[] {
    const assignment = assignSlots(graph, free, previous);
    if (assignment.kind !== "placed") return [];
    const ofSum = assignment.placements.filter(({ vertexId }) => vertexId === "sum");
    return ofSum.map(({ workerId, slotIndex }) => `${workerId}#${slotIndex}`);
  }

  test("spreads over workers before it fills them", () => {
    expect(placesOf(slots("a#0", "a#1", "a#2", "a#3", "b#0", "b#1"))).toEqual([
      "a#0",
      "b#0",
      "a#1",
      "b#1",
    ]);
  });

  test("keeps slots of the attempt before, else the worker, and replaces only what is gone", () => {
    const previous = slots("b#1", "dead#0", "a#1", "a#7");
    expect(placesOf(slots("a#0", "a#1", "b#0", "b#1", "c#0"), previous)).toEqual([
      "b#1",
      "c#0",
      "a#1",
      "a#0",
    ]);
  });

  test("gives all vertices of slot k to the same slot", () => {
    const assignment = assignSlots(graph, slots("a#0", "a#1", "b#0", "b#1"));
    const places = assignment.kind === "placed" ? assignment.placements : [];
    expect(places).toHaveLength(graph.subtasks.length);
    const bySlot = Map.groupBy(places, ({ subtaskIndex }) => subtaskIndex);
    for (const group of bySlot.values()) {
      expect(new Set(group.map(({ dataAddress }) => dataAddress)).size).toBe(1);
    }
  });

  test("says how many slots are missing", () => {
    expect(assignSlots(graph, slots("a#0"))).toEqual({
      kind: "not-enough-slots",
      needed: 4,
      free: 1,
    });
  });

  test("never gives a slot twice, whatever was before and whatever order they come in", () => {
    const slot = fc.record({ worker: fc.constantFrom("a", "b", "c"), index: fc.nat({ max: 4 }) });
    const names = fc.uniqueArray(
      slot.map(({ worker, index }) => `${worker}#${index}`),
      { minLength: 4 },
    );
    fc.assert(
      fc.property(names, names, fc.infiniteStream(fc.nat()), (free, previous, order) => {
        const places = placesOf(slots(...free), slots(...previous));
        expect(new Set(places).size).toBe(4);
        const ranks = new Map(free.map((name) => [name, order.next().value ?? 0]));
        const shuffled = free.toSorted((x, y) => (ranks.get(x) ?? 0) - (ranks.get(y) ?? 0));
        expect(placesOf(slots(...shuffled), slots(...previous))).toEqual(places);
      }),
    );
  });
});
