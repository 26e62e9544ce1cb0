import type { StreamGraph, StreamNode } from "@millrace/graph";

import type { SeededRandom } from "../seeded-random.ts";

const close = async (): Promise<void> => {};

/** Gives, rarely, process functions of a drawn job a hook, so that slots let go before they end. */
export function addCloseHooks(draw: SeededRandom, graph: StreamGraph): StreamGraph {
  if (!draw.chance(0.2)) return graph;
  const hook = (node: StreamNode): StreamNode =>
    node.spec.kind === "process" && draw.chance(0.7)
      ? { ...node, spec: { ...node.spec, close } }
      : node;
  return { ...graph, nodes: graph.nodes.map(hook) };
}
