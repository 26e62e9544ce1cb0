import { expect, test } from "vitest";

import { findPlanConflict } from "./find-plan-conflict.ts";
import type { CountWindowSpec, GeneralWindowSpec } from "./general-window.ts";
import type { JobGraph } from "./job-graph.ts";
import type { IntervalJoinSpec } from "./join-spec.ts";
import { planJob } from "./plan-job.ts";
import type { StateSpec } from "./state-spec.ts";
import type { OperatorSpec } from "./stream-graph.ts";
import { graphOf, specs } from "./test-graphs.ts";

/** Returns a plan in which the keyed operator `op` is of the spec; with two inputs where it takes two. */
function planWith(spec: OperatorSpec): JobGraph {
  const inputs = spec.kind === "join" ? ["key-a", "key-b"] : ["key-a"];
  return planJob(
    graphOf([
      { name: "in", spec: specs.source },
      { name: "key-a", inputs: ["in"], spec: specs.keyBy },
      { name: "key-b", inputs: ["in"], spec: specs.keyBy },
      { name: "op", inputs, spec },
      { name: "out", inputs: ["op"], spec: specs.sink },
      { name: "out-b", inputs: ["key-b"], spec: specs.sink },
    ]),
  );
}

function conflictBetween(before: OperatorSpec, after: OperatorSpec): string | undefined {
  return findPlanConflict(planWith(before), planWith(after), new Set(["in", "op", "out"]));
}

const near: IntervalJoinSpec = {
  kind: "join",
  type: "interval",
  mode: "inner",
  lowerMs: -600,
  upperMs: 200,
  isLowerExclusive: false,
  isUpperExclusive: false,
  join: () => null,
};
const { aggregate } = specs.window;
const sessions: GeneralWindowSpec = {
  kind: "general-window",
  assigner: { kind: "session", gapMs: 100 },
  allowedLatenessMs: 0,
  aggregate,
};
const counted: CountWindowSpec = {
  kind: "count-window",
  assigner: { kind: "count", size: 6, slide: 2 },
  aggregate,
};

const withState = (state: Readonly<Record<string, StateSpec>>): OperatorSpec => ({
  kind: "process",
  state,
  onRecord: () => {},
});

test.each([
  ["the same operator", near, near],
  ["an interval join that takes its bounds in or not", near, { ...near, isLowerExclusive: true }],
  ["sessions of another gap", sessions, { ...sessions, assigner: { kind: "session", gapMs: 9 } }],
  [
    "windows by number of records in panes of the same length",
    counted,
    { ...counted, assigner: { kind: "count", size: 8, slide: 2 } },
  ],
  ["another lateness", specs.window, { ...specs.window, allowedLatenessMs: 5 }],
] as const)("%s goes on from the state", (_name, before, after) => {
  expect(conflictBetween(before, after)).toBeUndefined();
});

test.each([
  ["lowerMs -600 in the checkpoint and -100", near, { ...near, lowerMs: -100 }],
  ["upperMs 200 in the checkpoint and 900", near, { ...near, upperMs: 900 }],
  ["mode inner in the checkpoint and outer", near, { ...near, mode: "outer" }],
  ["kind window in the checkpoint and general-window", specs.window, sessions],
  [
    'windows {"kind":"tumbling","offsetMs":0,"sizeMs":1000} in the checkpoint and {"kind":"tumbling","offsetMs":0,"sizeMs":500}',
    specs.window,
    { ...specs.window, assigner: { kind: "tumbling", sizeMs: 500, offsetMs: 0 } },
  ],
  [
    "trigger null in the checkpoint and count",
    sessions,
    { ...sessions, trigger: { kind: "purging", of: { kind: "count", count: 3 } } },
  ],
  [
    "evictor none in the checkpoint and one",
    sessions,
    { ...sessions, evictor: { kind: "count", count: 3 } },
  ],
  [
    "time of windows event in the checkpoint and processing",
    sessions,
    { ...sessions, assigner: { kind: "session", gapMs: 100, time: "processing" } },
  ],
  [
    "panes of records 2 in the checkpoint and 3",
    counted,
    { ...counted, assigner: { kind: "count", size: 6, slide: 3 } },
  ],
] as const)(
  "what lies otherwise than the operator takes it is refused: %s",
  (text, before, after) => {
    const conflict = conflictBetween(before, after);
    expect(conflict).toContain(`operator op has the ${text} in the new job`);
    expect(conflict).toContain("--allow-dropped-state");
  },
);

test("a connector of another kind cannot go on from the positions and transactions of one before", () => {
  const { connector } = specs.timeless;
  const plan = planWith(specs.reduce);
  const other = planJob(
    graphOf([
      {
        name: "in",
        spec: { ...specs.source, connector: { ...connector, connector: "kafka", options: null } },
      },
      { name: "out", inputs: ["in"], spec: specs.sink },
    ]),
  );
  expect(findPlanConflict(plan, other, new Set(["in"]))).toContain(
    "operator in has the connector memory in the checkpoint and kafka in the new job",
  );
});

test.each([
  ["kind value", "list", { kind: "value", version: 1 }, { kind: "list", version: 1 }],
  ["version 1", "2", { kind: "value", version: 1 }, { kind: "value", version: 2 }],
  [
    "time to live by event-time",
    "processing-time",
    { kind: "map", version: 1, ttl: { afterMs: 1, by: "event-time", refresh: "write" } },
    { kind: "map", version: 1, ttl: { afterMs: 1, by: "processing-time", refresh: "write" } },
  ],
] as const)(
  "a state that was declared otherwise is refused by name: %s",
  (was, is, before, after) => {
    expect(conflictBetween(withState({ total: before }), withState({ total: after }))).toBe(
      `state total of operator op has the ${was} in the checkpoint and ${is} in the new job, and nothing converts it: give the state another name`,
    );
  },
);

test("states of functions over windows are looked at too", () => {
  const windows = (state: StateSpec, of: "windowState" | "globalState"): OperatorSpec => ({
    ...sessions,
    assigner: { kind: "tumbling", sizeMs: 10, offsetMs: 0 },
    aggregate: { ...aggregate, emitsItself: true, [of]: { seen: state } },
  });
  for (const of of ["windowState", "globalState"] as const) {
    const [before, after] = [
      windows({ kind: "value", version: 1 }, of),
      windows({ kind: "map", version: 1 }, of),
    ];
    expect(conflictBetween(before, after)).toContain(
      "state seen of operator op has the kind value",
    );
    expect(conflictBetween(before, before)).toBeUndefined();
  }
});

test("states may come, go, and live for another time", () => {
  const ttl = { afterMs: 1, by: "event-time", refresh: "write" } as const;
  const total = { kind: "value", version: 1 } as const;
  expect(conflictBetween(withState({ total }), withState({ other: total }))).toBeUndefined();
  const expiring = withState({ total: { ...total, ttl } });
  expect(conflictBetween(withState({ total }), expiring)).toBeUndefined();
  const longer = withState({ total: { ...total, ttl: { ...ttl, afterMs: 9 } } });
  expect(conflictBetween(expiring, longer)).toBeUndefined();
});

test("an operator of which nothing is stored may become what it likes", () => {
  const [before, after] = [planWith(near), planWith(sessions)];
  expect(findPlanConflict(before, after, new Set(["in"]))).toBeUndefined();
  expect(findPlanConflict(before, after, new Set(["op"]))).toBeDefined();
});
