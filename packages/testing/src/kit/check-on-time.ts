import { StreamError } from "@millrace/core";
import type { OperatorSpec, StreamGraph } from "@millrace/graph";

import { rawTimestampOf } from "./subject.ts";

/** Operators that drop what is late, or whose timers show it. */
const timedKinds: ReadonlySet<OperatorSpec["kind"]> = new Set([
  "window",
  "general-window",
  "process",
  "join",
  "table",
]);

/**
 * Throws `invalid-argument` if a record is so late that the job's windows, joins or timers may or may
 * not take it. A record is late that is older, by more than its source's `outOfOrderness`, than one
 * before it.
 */
export function checkOnTime(
  { nodes }: StreamGraph,
  inputs: Readonly<Record<string, readonly unknown[]>>,
): void {
  if (!nodes.some(({ spec }) => timedKinds.has(spec.kind))) return;
  for (const { name, spec } of nodes) {
    if (spec.kind !== "source" || spec.watermarks === undefined) continue;
    const { outOfOrdernessMs } = spec.watermarks;
    const timestamp = rawTimestampOf(spec) ?? spec.watermarks.timestamp;
    let newestMs = -Infinity;
    for (const [index, record] of (inputs[name] ?? []).entries()) {
      const atMs = timestamp(record);
      newestMs = Math.max(newestMs, atMs);
      if (newestMs - atMs <= outOfOrdernessMs) continue;
      throw new StreamError(
        "invalid-argument",
        `record ${index} of inputs.${name} is ${newestMs - atMs} ms older than one before it, and outOfOrderness allows ${outOfOrdernessMs} ms: whether it counts depends on timing; order the records, or test late ones with simulate`,
        { domain: "user", retry: "never" },
      );
    }
  }
}
