import { invalidJob } from "./invalid-job.ts";
import type { IntervalJoinSpec, JoinSpec } from "./join-spec.ts";
import type { StreamNode } from "./stream-graph.ts";

/** Throws `job-module-invalid` if the join's own options cannot run. */
export function validateJoin(node: StreamNode, spec: JoinSpec): void {
  if (spec.type === "interval") validateInterval(node, spec);
}

function validateInterval(node: StreamNode, spec: IntervalJoinSpec): void {
  const { lowerMs, upperMs, isLowerExclusive, isUpperExclusive } = spec;
  for (const [what, value] of [
    ["lower", lowerMs],
    ["upper", upperMs],
  ] as const) {
    if (Number.isSafeInteger(value)) continue;
    throw invalidJob(
      `operator ${node.name}: the join's ${what} bound of ${value} ms is not whole milliseconds`,
    );
  }
  if (lowerMs > upperMs) {
    throw invalidJob(
      `operator ${node.name}: the join's lower bound of ${lowerMs} ms is above its upper one of ${upperMs} ms: swap them`,
    );
  }
  if (lowerMs === upperMs && (isLowerExclusive || isUpperExclusive)) {
    throw invalidJob(
      `operator ${node.name}: nothing lies between ${lowerMs} ms and itself: make both bounds inclusive`,
    );
  }
}
