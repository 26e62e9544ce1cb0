import type { CheckpointKind } from "./manifest.ts";

export interface TriggerSettings {
  readonly intervalMs: number;
  /** At least this long between the end of one checkpoint and the trigger of the next. */
  readonly minPauseMs: number;
}

/** What is known about a job's checkpoints; times are of the monotonic clock. */
export interface TriggerFacts {
  readonly isInFlight: boolean;
  /** When this attempt began to run, or its last checkpoint was triggered. */
  readonly lastTriggeredAtMs: number;
  /** When the last one of this attempt completed or failed; absent before the first. */
  readonly lastEndedAtMs?: number;
  /** One that is due at once. */
  readonly requested?: CheckpointKind;
  /** Nothing more is wanted: the last checkpoint of the job has committed. */
  readonly isSuspended: boolean;
}

export type TriggerDecision =
  | { readonly kind: "trigger"; readonly checkpointKind: CheckpointKind }
  | { readonly kind: "wait"; readonly untilMs: number }
  /** Nothing to do before the facts change. */
  | { readonly kind: "idle" };

/**
 * Returns whether to trigger now, or when to ask again. One checkpoint is in flight at a time; a
 * requested one does not wait for the interval, but a failed one before it holds it for the pause.
 */
export function decideTrigger(
  facts: TriggerFacts,
  settings: TriggerSettings,
  nowMs: number,
): TriggerDecision {
  if (facts.isInFlight || facts.isSuspended) return { kind: "idle" };
  const pausedUntilMs = (facts.lastEndedAtMs ?? -Infinity) + settings.minPauseMs;
  const intervalMs = facts.requested === undefined ? settings.intervalMs : 0;
  const dueAtMs = Math.max(facts.lastTriggeredAtMs + intervalMs, pausedUntilMs);
  if (nowMs < dueAtMs) return { kind: "wait", untilMs: dueAtMs };
  return { kind: "trigger", checkpointKind: facts.requested ?? "checkpoint" };
}
