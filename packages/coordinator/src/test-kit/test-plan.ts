import { parseVertexId } from "@millrace/core";
import { canonicalPlanJson, type JobGraph, type PlannedSettings } from "@millrace/graph";

export const sourceVertex = "lines";
export const keyedOperator = "counts";
export const listOperator = "lines";
export const maxParallelism = 8;

const settings: PlannedSettings = {
  parallelism: "default",
  maxParallelism,
  checkpoint: { intervalMs: 10_000, timeoutMs: 60_000, minPauseMs: 500, retainedCount: 2 },
  restart: { maxFailures: 3 },
};

/** Returns the plan of a source and a keyed operator behind a hash edge. */
function testPlan(over: Partial<PlannedSettings> = {}): JobGraph {
  const source = { name: "lines", nodeId: 0, kind: "source" } as const;
  const reduce = { name: keyedOperator, nodeId: 2, kind: "reduce" } as const;
  return {
    formatVersion: 1,
    apiVersion: 1,
    jobName: "word-count",
    baseDirectory: "/",
    vertices: [
      {
        id: parseVertexId(sourceVertex),
        operators: [{ ...source, isKeyed: false, hasState: true, options: {} }],
        parallelism: "default",
      },
      {
        id: parseVertexId("counts"),
        operators: [{ ...reduce, isKeyed: true, hasState: true, options: {} }],
        parallelism: "default",
      },
    ],
    edges: [
      {
        index: 0,
        from: parseVertexId(sourceVertex),
        to: parseVertexId("counts"),
        partitioning: { kind: "hash", keyNodeId: 1 },
      },
    ],
    settings: { ...settings, ...over },
  };
}

export function testPlanJson(over: Partial<PlannedSettings> = {}): string {
  return canonicalPlanJson(testPlan(over));
}
