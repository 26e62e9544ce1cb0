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
  const chain = describeChain(vertex.operators, 0);
  const outputs = plan.edges
    .filter(({ from }) => from === vertex.id)
    .map(({ to, partitioning, fromOperator }) => {
      const emitter = fromOperator === undefined ? undefined : vertex.operators[fromOperator]?.name;
      const of = emitter === undefined ? "" : `, what ${emitter} emits`;
      return `\n    ${partitioning.kind} to ${to}${of}`;
    });
  const { id, parallelism, slotSharingGroup } = vertex;
  const group = slotSharingGroup === undefined ? "" : `, slots of ${slotSharingGroup}`;
  return `  ${id} (parallelism ${parallelism}${group}): ${chain}${outputs.join("")}`;
}

/** Returns the operator and all behind it; several consumers of one stand in brackets. */
function describeChain(operators: readonly PlannedOperator[], start: number): string {
  const [operator] = operators.slice(start, start + 1);
  const behind = operators.flatMap(({ after }, index) =>
    index > 0 && (after ?? index - 1) === start ? [describeChain(operators, index)] : [],
  );
  const rest = behind.length > 1 ? `(${behind.join(", ")})` : behind[0];
  const text = operator === undefined ? "" : describeOperator(operator);
  return rest === undefined ? text : `${text} -> ${rest}`;
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
