import { invalidJob } from "./invalid-job.ts";
import type { ProcessSpec, StreamGraph, StreamNode } from "./stream-graph.ts";
import { validateEventTime } from "./validate-event-time.ts";

/** What timers are called in snapshots, beside the author's states. */
const reservedNames: ReadonlySet<string> = new Set(["timers", "processing-time-timers"]);

/** Throws `job-module-invalid` if the states that the author declares cannot be kept. */
export function validateProcess(graph: StreamGraph, node: StreamNode, spec: ProcessSpec): void {
  for (const [name, { ttl }] of Object.entries(spec.state)) {
    if (reservedNames.has(name)) {
      throw invalidJob(
        `operator ${node.name}: a state may not be called ${JSON.stringify(name)}, as its timers are: give it another name`,
      );
    }
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
