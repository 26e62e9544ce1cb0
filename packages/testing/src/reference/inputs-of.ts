import { assert } from "@millrace/core";
import type { StreamGraph, StreamNode } from "@millrace/graph";

/**
 * Returns, for each input of a node that is an operator, what the subtasks of the operator get of it
 * all together: behind a broadcast each record once for each of them, else once. Of what stands
 * between, the partitioning nearest to the operator decides.
 */
export function inputsOf<Item>(
  graph: StreamGraph,
  node: StreamNode,
  outputs: readonly (readonly Item[])[],
): readonly (readonly Item[])[] {
  const width = node.parallelism ?? graph.settings.parallelism ?? 1;
  const collect = (id: number, isDecided: boolean): readonly Item[] => {
    const from = graph.nodes[id];
    assert(from !== undefined, `node ${node.name} has the input ${id}, which is not there`);
    const { kind } = from.spec;
    const isPartition = kind === "partition" || kind === "rebalance" || kind === "key-by";
    if (!isPartition && kind !== "union") return outputs[id] ?? [];
    const before = from.inputs.flatMap((input) => collect(input, isDecided || isPartition));
    const isBroadcast = from.spec.kind === "partition" && from.spec.by === "broadcast";
    if (isDecided || !isBroadcast) return before;
    return Array.from({ length: width }, () => before).flat();
  };
  const isBesideBroadcast =
    node.spec.kind === "broadcast-process" || node.spec.kind === "keyed-broadcast-process";
  // What is broadcast beside records is state: there once is enough.
  return node.inputs.map((id, position) => collect(id, isBesideBroadcast && position === 1));
}
