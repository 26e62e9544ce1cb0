import { expect, test } from "vitest";

import { parseJobGraph } from "./parse-job-graph.ts";
import { canonicalPlanJson, planJob } from "./plan-job.ts";
import { graphOf, specs, type TestNode } from "./test-graphs.ts";

/** Returns the plan in lines: chains, then edges. */
function describePlan(nodes: readonly TestNode[]): readonly string[] {
  const { vertices, edges } = planJob(graphOf(nodes));
  return [
    ...vertices.map(({ operators, parallelism }) => {
      const chain = operators
        .map(({ name, isKeyed, after }) => {
          const behind = after === undefined ? "" : ` behind ${operators[after]?.name}`;
          return `${name}${isKeyed ? "*" : ""}${behind}`;
        })
        .join(" > ");
      return `${chain} (${parallelism})`;
    }),
    ...edges.map(({ index, from, to, partitioning, input, tag, fromOperator }) => {
      const key = partitioning.kind === "hash" ? ` by ${partitioning.keyNodeId}` : "";
      const of = tag === undefined ? "" : ` of ${tag}`;
      const second = input === undefined ? "" : ", second input";
      const vertex = vertices.find(({ id }) => id === from);
      const emitter =
        fromOperator === undefined ? from : `${from}.${vertex?.operators[fromOperator]?.name}`;
      return `${index}: ${emitter} -> ${to} ${partitioning.kind}${key}${of}${second}`;
    }),
  ];
}

test("operators without a partitioner between them run in one chain", () => {
  expect(
    describePlan([
      { name: "in", spec: specs.source },
      { name: "map-1", inputs: ["in"], spec: specs.map },
      { name: "filter-2", inputs: ["map-1"], spec: specs.filter },
      { name: "out", inputs: ["filter-2"], spec: specs.sink },
    ]),
  ).toEqual(["in > map-1 > filter-2 > out (default)"]);
});

test("a keyed operator begins a chain behind a hash edge that names its key", () => {
  expect(
    describePlan([
      { name: "in", spec: specs.source },
      { name: "key", inputs: ["in"], spec: specs.keyBy },
      { name: "hours", inputs: ["key"], spec: specs.window },
      { name: "out", inputs: ["hours"], spec: specs.sink },
    ]),
  ).toEqual(["in (default)", "hours* > out (default)", "0: in -> hours hash by 1"]);
});

test("a keyed operator is in no chain with its input even at parallelism 1", () => {
  expect(
    describePlan([
      { name: "in", parallelism: 1, spec: specs.source },
      { name: "key", inputs: ["in"], spec: specs.keyBy },
      { name: "sum", parallelism: 1, inputs: ["key"], spec: specs.reduce },
      { name: "out", parallelism: 1, inputs: ["sum"], spec: specs.print },
    ]),
  ).toEqual(["in (1)", "sum* > out (1)", "0: in -> sum hash by 1"]);
});

test("a union gives its consumer all of its inputs, also one of them twice", () => {
  expect(
    describePlan([
      { name: "a", spec: specs.source },
      { name: "b", spec: specs.source },
      { name: "both", inputs: ["a", "b", "a"], spec: specs.union },
      { name: "map-3", inputs: ["both"], spec: specs.map },
      { name: "out", inputs: ["map-3"], spec: specs.sink },
    ]),
  ).toEqual([
    "a (default)",
    "b (default)",
    "map-3 > out (default)",
    "0: a -> map-3 forward",
    "1: b -> map-3 forward",
    "2: a -> map-3 forward",
  ]);
});

test("the partitioner nearest to the consumer decides, through unions", () => {
  expect(
    describePlan([
      { name: "a", spec: specs.source },
      { name: "b", spec: specs.source },
      { name: "spread", inputs: ["a"], spec: specs.rebalance },
      { name: "both", inputs: ["spread", "b"], spec: specs.union },
      { name: "key", inputs: ["both"], spec: specs.keyBy },
      { name: "sum", inputs: ["key"], spec: specs.reduce },
      { name: "log", inputs: ["both"], spec: specs.print },
      { name: "out", inputs: ["sum"], spec: specs.sink },
    ]),
  ).toEqual([
    "a (default)",
    "b (default)",
    "sum* > out (default)",
    "log (default)",
    "0: a -> sum hash by 4",
    "1: b -> sum hash by 4",
    "2: a -> log rebalance",
    "3: b -> log forward",
  ]);
});

test("where parallelism differs records are spread evenly, also between a number and the default", () => {
  expect(
    describePlan([
      { name: "in", parallelism: 2, spec: specs.source },
      { name: "map-1", inputs: ["in"], spec: specs.map },
      { name: "out", inputs: ["map-1"], parallelism: 1, spec: specs.sink },
    ]),
  ).toEqual([
    "in (2)",
    "map-1 (default)",
    "out (1)",
    "0: in -> map-1 rebalance",
    "1: map-1 -> out rebalance",
  ]);
});

test("several consumers of an operator run in its vertex, and each is given every record", () => {
  expect(
    describePlan([
      { name: "in", spec: specs.source },
      { name: "map-1", inputs: ["in"], spec: specs.map },
      { name: "log", inputs: ["map-1"], spec: specs.print },
      { name: "out", inputs: ["map-1"], spec: specs.sink },
    ]),
  ).toEqual(["in > map-1 > log > out behind map-1 (default)"]);
});

test("edges say which operator of a tree they come from", () => {
  expect(
    describePlan([
      { name: "in", spec: specs.source },
      { name: "left", inputs: ["in"], spec: specs.filter },
      { name: "right", inputs: ["in"], spec: specs.filter },
      { name: "map-3", inputs: ["left"], spec: specs.map },
      { name: "both", inputs: ["map-3", "right", "in"], spec: specs.union },
      { name: "key", inputs: ["both"], spec: specs.keyBy },
      { name: "sum", inputs: ["key"], spec: specs.reduce },
      { name: "out", inputs: ["sum"], spec: specs.sink },
    ]),
  ).toEqual([
    "in > left > right behind in > map-3 behind left (default)",
    "sum* > out (default)",
    "0: in -> sum hash by 5",
    "1: in.right -> sum hash by 5",
    "2: in.in -> sum hash by 5",
  ]);
});

test("a vertex takes so many operators, and what follows begins another", () => {
  const maps = Array.from({ length: 120 }, (_, index) => ({
    name: `map-${index}`,
    inputs: [index === 0 ? "in" : `map-${index - 1}`],
    spec: specs.map,
  }));
  const plan = planJob(
    graphOf([
      { name: "in", spec: specs.source },
      ...maps,
      { name: "out", inputs: ["map-119"], spec: specs.sink },
    ]),
  );
  expect(plan.vertices.map(({ operators }) => operators.length)).toEqual([100, 22]);
  expect(parseJobGraph(canonicalPlanJson(plan))).toEqual(plan);
});

test("a side output is an edge of its own, beside the chain of the main output", () => {
  const before: readonly TestNode[] = [
    { name: "in", spec: specs.source },
    { name: "key", inputs: ["in"], spec: specs.keyBy },
    { name: "check", inputs: ["key"], spec: specs.process },
  ];
  expect(
    describePlan([
      ...before,
      { name: "side", inputs: ["check"], spec: specs.sideOutput },
      { name: "out", inputs: ["check"], spec: specs.sink },
      { name: "late", inputs: ["side"], spec: specs.print },
    ]),
  ).toEqual([
    "in (default)",
    "check* > out (default)",
    "late (default)",
    "0: in -> check hash by 1",
    "1: check.check -> late forward of late",
  ]);
  expect(
    describePlan([
      ...before,
      { name: "side", inputs: ["check"], spec: specs.sideOutput },
      { name: "by-late", inputs: ["side"], spec: specs.keyBy },
      { name: "sum", inputs: ["by-late"], spec: specs.reduce },
      { name: "out", inputs: ["sum"], spec: specs.sink },
    ]).slice(2),
  ).toEqual([
    "sum* > out (default)",
    "0: in -> check hash by 1",
    "1: check -> sum hash by 4 of late",
  ]);
});

test("edges say which of two inputs they lead to, also those of one stream to both", () => {
  expect(
    describePlan([
      { name: "in", spec: specs.source },
      { name: "other", spec: specs.source },
      { name: "all", inputs: ["in", "other"], spec: specs.union },
      { name: "key-1", inputs: ["in"], spec: specs.keyBy },
      { name: "key-2", inputs: ["all"], spec: specs.keyBy },
      { name: "both", inputs: ["key-1", "key-2"], spec: specs.connected },
      { name: "out", inputs: ["both"], spec: specs.sink },
    ]).slice(2),
  ).toEqual([
    "both* > out (default)",
    "0: in -> both hash by 3",
    "1: in -> both hash by 4, second input",
    "2: other -> both hash by 4, second input",
  ]);
});

test("an explicit partitioner stands on the edge, and the one nearest to the consumer decides", () => {
  expect(
    describePlan([
      { name: "in", spec: specs.source },
      { name: "spread", inputs: ["in"], spec: specs.rebalance },
      { name: "all", inputs: ["spread"], spec: specs.broadcast },
      { name: "map-1", inputs: ["all"], spec: specs.map },
      { name: "near", inputs: ["map-1"], spec: specs.rescale },
      { name: "map-2", inputs: ["near"], parallelism: 4, spec: specs.map },
      { name: "own", inputs: ["map-2"], spec: specs.custom },
      { name: "out", inputs: ["own"], spec: specs.sink },
    ]),
  ).toEqual([
    "in (default)",
    "map-1 (default)",
    "map-2 (4)",
    "out (default)",
    "0: in -> map-1 broadcast",
    "1: map-1 -> map-2 rescale",
    "2: map-2 -> out custom",
  ]);
});

test("forward() lets operators of the same parallelism run in one chain, and is refused between others", () => {
  const between = (parallelism: number): readonly TestNode[] => [
    { name: "in", parallelism: 2, spec: specs.source },
    { name: "straight", inputs: ["in"], spec: specs.forward },
    { name: "out", inputs: ["straight"], parallelism, spec: specs.print },
  ];
  expect(describePlan(between(2))).toEqual(["in > out (2)"]);
  expect(() => describePlan(between(3))).toThrow(
    /operator out: forward\(\) .* in has parallelism 2 and out 3/,
  );
});

test("an operator that begins a chain is not chained to the one before, but those behind it are", () => {
  expect(
    describePlan([
      { name: "in", spec: specs.source },
      { name: "map-1", inputs: ["in"], chaining: "head", spec: specs.map },
      { name: "map-2", inputs: ["map-1"], spec: specs.map },
      { name: "out", inputs: ["map-2"], spec: specs.print },
    ]),
  ).toEqual(["in (default)", "map-1 > map-2 > out (default)", "0: in -> map-1 forward"]);
});

test("an operator without chaining is a vertex by itself", () => {
  expect(
    describePlan([
      { name: "in", spec: specs.source },
      { name: "map-1", inputs: ["in"], chaining: "never", spec: specs.map },
      { name: "out", inputs: ["map-1"], spec: specs.print },
    ]),
  ).toEqual([
    "in (default)",
    "map-1 (default)",
    "out (default)",
    "0: in -> map-1 forward",
    "1: map-1 -> out forward",
  ]);
});
