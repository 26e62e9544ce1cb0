import { invalidJob } from "./invalid-job.ts";
import type { StreamGraph, StreamNode } from "./stream-graph.ts";

/**
 * Throws `job-module-invalid` unless every source before the operator gives its records an event time.
 * The need is how the message begins: "its windows need event time".
 */
export function validateEventTime(graph: StreamGraph, node: StreamNode, need: string): void {
  const seen = new Set<number>(node.inputs);
  for (const id of seen) {
    const before = graph.nodes[id];
    if (before === undefined) continue;
    if (before.spec.kind === "source" && before.spec.watermarks === undefined) {
      throw invalidJob(
        `operator ${node.name}: ${need}, which source ${before.name} does not give: add \`watermarks: { timestamp, outOfOrderness }\` to the source`,
      );
    }
    for (const input of before.inputs) seen.add(input);
  }
}
