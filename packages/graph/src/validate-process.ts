import { invalidJob } from "./invalid-job.ts";
import type { StateSpec } from "./state-spec.ts";
import type { ProcessSpec, StreamGraph, StreamNode } from "./stream-graph.ts";
import { validateEventTime } from "./validate-event-time.ts";

/** What timers are called in snapshots, beside the author's states. */
const reservedNames: ReadonlySet<string> = new Set(["timers", "processing-time-timers"]);

/** Throws `job-module-invalid` if the states that the author declares cannot be kept. */
export function validateProcess(graph: StreamGraph, node: StreamNode, spec: ProcessSpec): void {
  for (const name of Object.keys(spec.state)) {
    if (!reservedNames.has(name)) continue;
    throw invalidJob(
      `operator ${node.name}: a state may not be called ${JSON.stringify(name)}, as its timers are: give it another name`,
    );
  }
  validateTimesToLive(graph, node, spec.state);
}

/** Throws `job-module-invalid` if a state has a time to live that cannot be. */
export function validateTimesToLive(
  graph: StreamGraph,
  node: StreamNode,
  states: Readonly<Record<string, StateSpec>>,
): void {
  for (const [name, { ttl }] of Object.entries(states)) {
    if (ttl === undefined) continue;
    if (!(ttl.afterMs > 0 && Number.isFinite(ttl.afterMs))) {
      throw invalidJob(
        `operator ${node.name}: state ${name} has a time to live of ${ttl.afterMs} ms: give one above 0`,
      );
    }
    if (ttl.by === "event-time") {
      validateEventTime(graph, node, `the time to live of its state ${name} needs event time`);
    }
  }
}
