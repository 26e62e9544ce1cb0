import type { Manifest, RestoringSubtask } from "@millrace/checkpoint";
import { assert, keyGroupRangeOf, parseSubtaskId, type SubtaskId } from "@millrace/core";
import { parseJobGraph } from "@millrace/graph";
import type { Deployment } from "@millrace/rpc";

import { parallelismByVertex } from "../attempt/own-slots.ts";
import { restoreError } from "./restore-errors.ts";

/** Returns which state the subtasks own in the new attempt. Throws `state-incompatible`. */
export function restoringSubtasks(
  deployment: Deployment,
  subtasks: readonly SubtaskId[],
  manifest: Manifest,
): readonly RestoringSubtask[] {
  const plan = parseJobGraph(deployment.planJson);
  const { maxParallelism } = plan.settings;
  if (maxParallelism !== manifest.maxParallelism) {
    throw restoreError(
      { jobId: deployment.ref.jobId, checkpointId: manifest.checkpointId },
      "state-incompatible",
    )(`it has ${manifest.maxParallelism} key groups, the job now has ${maxParallelism}`);
  }
  const widths = parallelismByVertex(deployment);
  const isRescaled = manifest.subtasks.some(({ subtaskId, parallelism }) => {
    const width = widths.get(parseSubtaskId(subtaskId).vertexId);
    return width !== undefined && width !== parallelism;
  });
  return subtasks.map((subtaskId) => {
    const { vertexId, subtaskIndex } = parseSubtaskId(subtaskId);
    const vertex = plan.vertices.find(({ id }) => id === vertexId);
    const parallelism = widths.get(vertexId);
    assert(vertex !== undefined && parallelism !== undefined, `${subtaskId} is not in the plan`);
    const { start, end } = keyGroupRangeOf({ maxParallelism, parallelism, subtaskIndex });
    const operators = vertex.operators.map(({ name }) => name);
    return { subtaskId, parallelism, operators, groupStart: start, groupEnd: end, isRescaled };
  });
}
