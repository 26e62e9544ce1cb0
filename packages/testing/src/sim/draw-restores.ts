import { apiVersion, type JobDefinition, type StreamGraph, type StreamNode } from "@millrace/graph";

import type { RestoreRequest } from "./go-on-elsewhere.ts";
import type { SeededRandom } from "./seeded-random.ts";

const widest = 3;

/**
 * Returns how the job of a seed ends early and goes on as another job, at a parallelism of its own:
 * not at all, once, or twice. What all of them publish is what one job would have.
 */
export function drawRestores(draw: SeededRandom, graph: StreamGraph): readonly RestoreRequest[] {
  if (!draw.chance(0.2)) return [];
  const first = drawRestore(draw, graph);
  return draw.chance(0.25) ? [first, drawRestore(draw, graph)] : [first];
}

function drawRestore(draw: SeededRandom, graph: StreamGraph): RestoreRequest {
  const how = draw.pick(["kill", "cancel", "stop"] as const);
  const afterCheckpoints = 1 + draw.below(4);
  const again = rescale(draw, graph);
  const definition: JobDefinition = {
    millraceJob: apiVersion,
    name: again.jobName,
    build: () => again,
  };
  return { how, afterCheckpoints, definition, isOptional: true };
}

/** Where there is one subtask there may have to be one: behind a broadcast each has all records. */
function rescale(draw: SeededRandom, graph: StreamGraph): StreamGraph {
  const nodes = graph.nodes.map((node): StreamNode => {
    const isFixed = node.parallelism === undefined || node.parallelism === 1;
    return isFixed ? node : { ...node, parallelism: 1 + draw.below(widest) };
  });
  const settings = { ...graph.settings, parallelism: 1 + draw.below(widest) };
  return { ...graph, nodes, settings };
}
