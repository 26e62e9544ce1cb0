import { assert, StreamError } from "@millrace/core";

/**
 * Throws for an event time that no window can be computed of: none at all is a bug of the plan, and one
 * beyond the safe integers, such as nanoseconds, is the author's (`invalid-argument`).
 */
export function checkEventTime(timestampMs: number, operatorName: string): void {
  assert(Number.isFinite(timestampMs), `operator ${operatorName} got a record without event time`);
  if (Math.abs(timestampMs) <= Number.MAX_SAFE_INTEGER) return;
  throw new StreamError(
    "invalid-argument",
    `operator ${operatorName}: the event time ${timestampMs} is not in milliseconds since the epoch: look at the source's \`timestamp\``,
    { domain: "user", retry: "never" },
  );
}
