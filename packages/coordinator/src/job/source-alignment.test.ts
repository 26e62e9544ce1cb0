import { subtaskIdOf, parseVertexId } from "@millrace/core";
import { parseJobGraph, type JobGraph } from "@millrace/graph";
import type { SubtaskMetrics } from "@millrace/rpc";
import { expect, test } from "vitest";

import { testPlanJson } from "../test-kit/test-plan.ts";
import { SourceAlignment } from "./source-alignment.ts";

const [left, right] = [parseVertexId("left"), parseVertexId("right")];

/** A plan of two sources that are aligned as given; the second may run twice as far ahead. */
function planOf(groups: readonly [string, string]): JobGraph {
  const plan = parseJobGraph(testPlanJson());
  const [source] = plan.vertices;
  if (source === undefined) throw new Error("the plan has a source");
  const vertices = [left, right].map((id, index) => ({
    ...source,
    id,
    operators: source.operators.map((operator) => ({
      ...operator,
      name: id,
      alignment: { group: groups[index] ?? "", maxDriftMs: 100 * (index + 1) },
    })),
  }));
  return { ...plan, vertices };
}

const at = (vertexId: typeof left, index: number, alignedMs?: number): SubtaskMetrics => ({
  subtaskId: subtaskIdOf(vertexId, index),
  recordsIn: 0,
  recordsOut: 0,
  recordsLate: 0,
  busyMs: 0,
  idleMs: 0,
  backpressuredMs: 0,
  watermarkMs: 0,
  stateCells: 0,
  ...(alignedMs === undefined ? {} : { alignedMs }),
});

const subtasks = [subtaskIdOf(left, 0), subtaskIdOf(left, 1), subtaskIdOf(right, 0)];

test("once all of a group have spoken, none may read further than its drift from the slowest", () => {
  const alignment = new SourceAlignment(planOf(["g", "g"]), subtasks);
  expect(alignment.onMetrics([at(left, 0, 50), at(left, 1, 10)])).toBeUndefined();
  expect(alignment.onMetrics([at(right, 0, 900)])).toEqual([
    { vertexId: left, maxWatermarkMs: 110 },
    { vertexId: right, maxWatermarkMs: 210 },
  ]);
  // Who reports again may have missed the answer.
  expect(alignment.onMetrics([at(right, 0, 950)])).toMatchObject([
    { maxWatermarkMs: 110 },
    { maxWatermarkMs: 210 },
  ]);
  expect(alignment.onMetrics([at(left, 1, 60)])).toMatchObject([
    { maxWatermarkMs: 150 },
    { maxWatermarkMs: 250 },
  ]);
});

test("what reads nothing holds up no other source", () => {
  const alignment = new SourceAlignment(planOf(["g", "g"]), subtasks);
  const limits = alignment.onMetrics([at(left, 0, 50), at(left, 1, Infinity), at(right, 0, 70)]);
  expect(limits).toMatchObject([{ maxWatermarkMs: 150 }, { maxWatermarkMs: 250 }]);
});

test("groups do not wait for each other, and subtasks that are not aligned say nothing", () => {
  const alignment = new SourceAlignment(planOf(["g", "h"]), subtasks);
  expect(alignment.onMetrics([at(right, 0, 70), at(left, 0)])).toEqual([
    { vertexId: right, maxWatermarkMs: 270 },
  ]);
});
