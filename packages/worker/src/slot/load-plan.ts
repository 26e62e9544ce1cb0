import { StreamError } from "@millrace/core";
import {
  canonicalPlanJson,
  parseJobGraph,
  planJob,
  type JobGraph,
  type StreamGraph,
} from "@millrace/graph";

import type { SlotPreparation } from "./slot-messages.ts";
import type { SlotPorts } from "./slot-ports.ts";

/** What a slot runs: the plan, and the graph that has its functions. */
export interface LoadedJob {
  readonly plan: JobGraph;
  readonly graph: StreamGraph;
}

/**
 * Returns the job as this slot builds it from the bundle. Throws `plan-mismatch` unless its plan is
 * the submitted one, and what the module throws as `job-module-failed`.
 */
export async function loadPlan(
  preparation: SlotPreparation,
  ports: Pick<SlotPorts, "loadJob" | "digest">,
): Promise<LoadedJob> {
  const { bundleUrl, environment, params, planSha256, planJson } = preparation;
  const submitted = parseJobGraph(planJson);
  const definition = await ports.loadJob(bundleUrl, environment);
  const graph = build(() => definition.build({ params, baseDirectory: submitted.baseDirectory }));
  const plan = planJob(graph);
  const sha256 = ports.digest.sha256(new TextEncoder().encode(canonicalPlanJson(plan)));
  if (sha256 !== planSha256) {
    throw new StreamError(
      "plan-mismatch",
      `job ${preparation.ref.jobId} builds another plan here (${sha256}) than was submitted ` +
        `(${planSha256}); its module must build the same graph everywhere: pass what differs as a parameter`,
      { domain: "user", retry: "never" },
    );
  }
  return { plan, graph };
}

function build(call: () => StreamGraph): StreamGraph {
  try {
    return call();
  } catch (cause) {
    if (cause instanceof StreamError) throw cause;
    const reason = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    throw new StreamError("job-module-failed", `the job's module failed to build: ${reason}`, {
      domain: "user",
      retry: "never",
      cause,
    });
  }
}
