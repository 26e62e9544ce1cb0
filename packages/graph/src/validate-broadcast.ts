import { isOperatorName } from "@millrace/core";

import { invalidJob } from "./invalid-job.ts";
import type { StreamGraph, StreamNode } from "./stream-graph.ts";

/** Throws `job-module-invalid` unless the second input of the operator comes to all subtasks. */
export function validateBroadcast(
  graph: StreamGraph,
  node: StreamNode,
  names: readonly string[],
): void {
  const second = graph.nodes[node.inputs[1] ?? -1]?.spec;
  if (second?.kind !== "partition" || second.by !== "broadcast") {
    throw invalidJob(
      `operator ${node.name}: its second input does not come to all of its subtasks: connect it to a stream's broadcast()`,
    );
  }
  const bad = names.find((name) => !isOperatorName(name));
  if (bad === undefined) return;
  throw invalidJob(
    `operator ${node.name}: the broadcast state ${JSON.stringify(bad)} is not a name: begin with a letter or digit, then letters, digits, \`_\`, \`.\` or \`-\``,
  );
}
