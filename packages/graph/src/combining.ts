import type { OperatorSpec } from "./stream-graph.ts";

/**
 * Version of the records that stand for several others on the edges into a combined operator. It is
 * part of the plan, so slots that do not speak it refuse the job.
 */
export const combiningVersion = 1;

/**
 * Whether the senders of a keyed operator may fold records of one key before they reach it. That of
 * a window changes nothing that it emits; with an allowed lateness it would, as each late record
 * then fires its windows again, and so it would where late records have an output of their own. A running aggregate emits less often, so its author asks for it by
 * giving a `merge`.
 */
export function isCombined(spec: OperatorSpec): boolean {
  if (spec.kind === "reduce") return spec.merge !== undefined;
  if (spec.kind !== "window" || spec.isCombined !== true) return false;
  return spec.allowedLatenessMs === 0 && spec.lateTag === undefined;
}
