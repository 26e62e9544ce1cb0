import { invalidJob } from "./invalid-job.ts";
import type { ProcessSpec, StreamNode } from "./stream-graph.ts";

/** What timers are called in snapshots, beside the author's states. */
const reservedNames: ReadonlySet<string> = new Set(["timers", "processing-time-timers"]);

/** Throws `job-module-invalid` if the states that the author declares cannot be kept. */
export function validateProcess(node: StreamNode, { state }: ProcessSpec): void {
  for (const name of Object.keys(state)) {
    if (!reservedNames.has(name)) continue;
    throw invalidJob(
      `operator ${node.name}: a state may not be called ${JSON.stringify(name)}, as its timers are: give it another name`,
    );
  }
}
