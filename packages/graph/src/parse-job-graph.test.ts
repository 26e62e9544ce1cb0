import { createHash } from "node:crypto";

import { describe, expect, test } from "vitest";

import type { JobGraph } from "./job-graph.ts";
import { maxPlanLength, parseJobGraph } from "./parse-job-graph.ts";
import { canonicalPlanJson, planJob } from "./plan-job.ts";
import { graphOf, specs } from "./test-graphs.ts";

function examplePlan(): JobGraph {
  return planJob(
    graphOf(
      [
        { name: "in", spec: specs.source },
        { name: "map-1", inputs: ["in"], spec: specs.map },
        { name: "key", inputs: ["map-1"], spec: specs.keyBy },
        { name: "hours", inputs: ["key"], parallelism: 3, spec: specs.window },
        { name: "out", inputs: ["hours"], spec: specs.sink },
      ],
      { checkpoint: { intervalMs: 500 } },
    ),
  );
}

test("a plan comes back from its JSON as it was", () => {
  expect(parseJobGraph(canonicalPlanJson(examplePlan()))).toEqual(examplePlan());
});

test("options keep fields of any name, also __proto__: what is stored has the hash of what was submitted", () => {
  const options = '{"__proto__":{"a":1},"constructor":2}';
  const text = canonicalPlanJson(examplePlan()).replace('"options":null', `"options":${options}`);
  expect(text).toContain(options);
  expect(canonicalPlanJson(parseJobGraph(text))).toBe(text);
});

test("the text of a plan, and so its hash, stays the same from version to version", () => {
  const json = canonicalPlanJson(examplePlan());
  expect(canonicalPlanJson(parseJobGraph(json))).toBe(json);
  expect(createHash("sha256").update(json).digest("hex")).toMatchInlineSnapshot(
    `"7c35fbe6dbe0f4a7123a1e937b951456a876aaef508e027db2113c84e1be1dbc"`,
  );
});

describe("a plan is refused", () => {
  const change = (
    edit: (plan: { -readonly [Field in keyof JobGraph]: JobGraph[Field] }) => void,
  ) => {
    const plan = structuredClone(examplePlan());
    edit(plan);
    return JSON.stringify(plan);
  };

  test.each([
    ["that is not JSON", "{", /it is not JSON/],
    ["that is too long", " ".repeat(maxPlanLength + 1), /characters, more than/],
    [
      "of another format",
      change((plan) => Object.assign(plan, { formatVersion: 2 })),
      /formatVersion/,
    ],
    ["with an unknown field", change((plan) => Object.assign(plan, { x: 1 })), /[Uu]nrecognized/],
    ["without vertices", change((plan) => (plan.vertices = [])), /vertices: /],
    [
      "with an edge to nowhere",
      change((plan) => Object.assign(plan.edges[0] ?? {}, { to: "nowhere" })),
      /edge 0 from in to nowhere/,
    ],
    [
      "with an edge backwards",
      change((plan) => Object.assign(plan.edges[0] ?? {}, { from: "hours", to: "in" })),
      /edge 0 from hours to in does not lead onwards/,
    ],
    [
      "with an edge from an operator that is not there",
      change((plan) => Object.assign(plan.edges[0] ?? {}, { fromOperator: 2 })),
      /edge 0 comes from operator 2, which in has not/,
    ],
    [
      "with an operator behind itself",
      change((plan) => Object.assign(plan.vertices[0]?.operators[1] ?? {}, { after: 1 })),
      /takes the results of one that does not stand before it/,
    ],
    [
      "that forwards between different parallelisms",
      change((plan) => Object.assign(plan.edges[0] ?? {}, { partitioning: { kind: "forward" } })),
      /edge 0 .* forwards to another parallelism/,
    ],
    [
      "with an operator twice",
      change((plan) => Object.assign(plan.vertices[0]?.operators[1] ?? {}, { name: "in" })),
      /operator in appears twice/,
    ],
  ])("%s", (_what, json, message) => {
    expect(() => parseJobGraph(json)).toThrow(
      expect.objectContaining({
        code: "invalid-argument",
        message: expect.stringMatching(message),
      }),
    );
  });
});
