import { assertNever, type FailureData, type StreamErrorCode } from "@millrace/core";

import type { RestartBackoff } from "../config.ts";

/** Failures since the job last completed a checkpoint. */
export interface FailureCounts {
  /** Of the author's code, or a bug of ours: they count against the limit. */
  readonly counted: number;
  /** Restarts in a row that were due to a failure which may repeat: they space the restarts. */
  readonly spaced: number;
  /** In a row with the same lasting code, such as an unreadable input. */
  readonly lasting: number;
}

export const noFailures: FailureCounts = { counted: 0, spaced: 0, lasting: 0 };

export type RestartDecision =
  | { readonly kind: "restart"; readonly delayMs: number; readonly counts: FailureCounts }
  | { readonly kind: "give-up"; readonly failure: FailureData };

export interface RestartSettings {
  readonly maxFailures: number;
  readonly backoff: RestartBackoff;
}

/** Trying again gives the same: these fail the job at once, with their own code (S7). */
const hopeless: ReadonlySet<StreamErrorCode> = new Set([
  "bundle-invalid",
  "bundle-too-large",
  "input-not-found",
  "invalid-argument",
  "job-module-failed",
  "job-module-invalid",
  "job-module-not-found",
  "job-module-syntax",
  "manifest-corrupt",
  "plan-mismatch",
  "segment-corrupt",
  "segment-missing",
  "state-incompatible",
  "version-skew",
] satisfies readonly StreamErrorCode[]);

/** Most likely the same again, but the machine may have had a hand in it: three tries. */
const lasting: ReadonlySet<StreamErrorCode> = new Set([
  "decode-failed",
  "folder-not-writable",
  "input-unreadable",
  "job-module-timeout",
  "key-not-encodable",
  "record-invalid",
  "record-not-encodable",
  "record-too-large",
  "state-not-encodable",
] satisfies readonly StreamErrorCode[]);

const lastingLimit = 3;

/** A worker or a connection went away: nobody's code is to blame, and waiting would not help. */
const departures: ReadonlySet<StreamErrorCode> = new Set([
  "channel-broken",
  "stale",
  "worker-lost",
] satisfies readonly StreamErrorCode[]);

type FailureKind = "hopeless" | "lasting" | "departure" | "counted" | "external";

/**
 * Returns whether the job runs again and after how long. Lost workers neither count nor wait; the
 * first restart after another failure is immediate, then the delays grow; the author's failures (and
 * bugs of ours) give up at the limit with `restart-limit`. `jitter` is in [0, 1).
 */
export function decideRestart(
  counts: FailureCounts,
  failure: FailureData,
  settings: RestartSettings,
  jitter: number,
): RestartDecision {
  const kind = kindOf(failure);
  switch (kind) {
    case "hopeless":
      return { kind: "give-up", failure };
    case "departure":
      return { kind: "restart", delayMs: 0, counts };
    case "lasting": {
      const next = { ...counts, lasting: counts.lasting + 1, spaced: counts.spaced + 1 };
      if (next.lasting >= lastingLimit) return { kind: "give-up", failure };
      return restartAfter(next, settings, jitter);
    }
    case "external":
      return restartAfter({ ...counts, spaced: counts.spaced + 1 }, settings, jitter);
    case "counted": {
      const next = { ...counts, counted: counts.counted + 1, spaced: counts.spaced + 1 };
      if (next.counted > settings.maxFailures) {
        return { kind: "give-up", failure: limitReached(failure, settings.maxFailures) };
      }
      return restartAfter(next, settings, jitter);
    }
    default:
      return assertNever(kind);
  }
}

function restartAfter(
  counts: FailureCounts,
  settings: RestartSettings,
  jitter: number,
): RestartDecision {
  return { kind: "restart", delayMs: delayOf(counts.spaced, settings.backoff, jitter), counts };
}

/** Half to all of the step: 0, then initial, initial * factor, ... up to the maximum. */
function delayOf(spaced: number, backoff: RestartBackoff, jitter: number): number {
  if (spaced <= 1) return 0;
  const exponent = Math.min(spaced - 2, 64);
  const fullMs = Math.min(backoff.maxMs, backoff.initialMs * backoff.factor ** exponent);
  return Math.round(fullMs * (0.5 + jitter / 2));
}

function kindOf({ code, domain }: FailureData): FailureKind {
  if (hopeless.has(code)) return "hopeless";
  if (lasting.has(code)) return "lasting";
  if (departures.has(code)) return "departure";
  const isAway = code === "unavailable" || code === "deadline-exceeded";
  return isAway || domain === "external" ? "external" : "counted";
}

function limitReached(failure: FailureData, maxFailures: number): FailureData {
  return {
    ...failure,
    code: "restart-limit",
    message:
      `the job failed ${maxFailures + 1} times without a completed checkpoint between ` +
      `(restart.maxFailures is ${maxFailures}); the last failure was ${failure.code}: ${failure.message}`,
  };
}
