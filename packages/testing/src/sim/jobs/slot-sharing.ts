import type { StreamGraph, StreamNode } from "@millrace/graph";

import type { SeededRandom } from "../seeded-random.ts";

/** Beside the default one. */
const otherGroups = ["heavy", "light"] as const;
const virtualKinds = ["key-by", "union", "rebalance", "partition", "side-output"];

/** Which slot sharing groups a drawn job has; decided before the cluster, which needs slots for all. */
export interface SlotSharing {
  readonly groupCount: number;
  /** Puts some operators into the groups; what comes out stays the same. */
  share(graph: StreamGraph): StreamGraph;
}

/** Returns, rarely, two or three groups; else the default one alone. */
export function drawSlotSharing(draw: SeededRandom): SlotSharing {
  if (!draw.chance(0.2)) return { groupCount: 1, share: (graph) => graph };
  const groups = otherGroups.slice(0, 1 + draw.below(otherGroups.length));
  const place = (node: StreamNode): StreamNode => {
    if (virtualKinds.includes(node.spec.kind) || !draw.chance(0.3)) return node;
    return { ...node, slotSharingGroup: draw.pick(groups) };
  };
  return {
    groupCount: groups.length + 1,
    share: (graph) => ({ ...graph, nodes: graph.nodes.map(place) }),
  };
}
