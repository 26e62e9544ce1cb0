import { canonicalJson, type JsonValue } from "@millrace/core";

import { chainOperators } from "./chaining.ts";
import type { JobGraph } from "./job-graph.ts";
import { resolveSettings } from "./resolve-settings.ts";
import type { StreamGraph } from "./stream-graph.ts";
import { validateStreamGraph } from "./validate-stream-graph.ts";

/** Returns the plan of a job. Throws `job-module-invalid` naming the operator and what to do. */
export function planJob(graph: StreamGraph): JobGraph {
  validateStreamGraph(graph);
  return {
    formatVersion: 1,
    apiVersion: graph.apiVersion,
    jobName: graph.jobName,
    baseDirectory: graph.baseDirectory,
    ...chainOperators(graph),
    settings: resolveSettings(graph.settings),
  };
}

/** Returns the plan's one JSON text: what is submitted, stored, and hashed with SHA-256. */
export function canonicalPlanJson(plan: JobGraph): string {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a JobGraph is JSON by definition
  return canonicalJson(plan as unknown as JsonValue);
}
