import type { JsonValue } from "@millrace/core";
import {
  parseJobGraph,
  type JobGraph,
  type JobVertex,
  type PlannedOperator,
} from "@millrace/graph";

/** Returns a plan in words: vertices with their chains, edges, and the guarantee of each end. */
export function describePlan(planJson: string): string {
  const plan = parseJobGraph(planJson);
  const vertices = plan.vertices.map((vertex) => describeVertex(plan, vertex));
  const { intervalMs } = plan.settings.checkpoint;
  return [
    `job ${plan.jobName}, a checkpoint every ${intervalMs / 1_000} s, ${plan.settings.maxParallelism} key groups`,
    ...vertices,
  ].join("\n");
}

function describeVertex(plan: JobGraph, vertex: JobVertex): string {
  const chain = vertex.operators.map(describeOperator).join(" -> ");
  const outputs = plan.edges
    .filter(({ from }) => from === vertex.id)
    .map(({ to, partitioning }) => `\n    ${partitioning.kind} to ${to}`);
  const { id, parallelism, slotSharingGroup } = vertex;
  const group = slotSharingGroup === undefined ? "" : `, slots of ${slotSharingGroup}`;
  return `  ${id} (parallelism ${parallelism}${group}): ${chain}${outputs.join("")}`;
}

function describeOperator({ kind, name, hasState, options }: PlannedOperator): string {
  const state = hasState ? ", with state" : "";
  return `${kind} ${name}${describeEnd(options)}${state}`;
}

function describeEnd(options: JsonValue): string {
  if (typeof options !== "object" || options === null) return "";
  if ("guarantee" in options && typeof options["guarantee"] === "string") {
    return ` (${options["guarantee"]})`;
  }
  if (!("canReplay" in options)) return "";
  return options["canReplay"] === true ? " (replayable)" : " (cannot be replayed: at most once)";
}
