import type { FailureData, SubtaskId } from "@millrace/core";

import type { ResultRecord } from "../metadata/job-records.ts";
import type { JobEvent, JobMachine, JobOutcome } from "./job-states.ts";

/** Returns how a job ended, from what was recorded. */
export function toOutcome(result: ResultRecord): JobOutcome {
  if (result.outcome !== "failed") return { kind: result.outcome };
  const unknown: FailureData = {
    code: "job-failed",
    domain: "internal",
    message: "the job failed, and its record does not say why",
  };
  return { kind: "failed", failure: result.failure ?? unknown };
}

/** Returns the failure of an attempt that lost a worker or a slot. */
export function departure(message: string): FailureData {
  return { code: "worker-lost", domain: "external", message };
}

/** Returns the failure with the subtask that reported it, unless it names one. */
export function withSubtask(failure: FailureData, subtask: SubtaskId): FailureData {
  return { ...failure, location: { subtask, ...failure.location } };
}

/** Returns why the attempt ended with this event; a hand-over does so with a checkpoint. */
export function endOfAttempt(
  event: JobEvent,
  { phase, failure }: JobMachine,
): FailureData | undefined {
  if (event.kind === "attempt-failed" || event.kind === "attempt-not-raised") return event.failure;
  if (event.kind === "hand-over") return phase.kind === "running" ? undefined : event.failure;
  return event.kind === "checkpoint-committed" && phase.kind === "waiting" ? failure : undefined;
}
