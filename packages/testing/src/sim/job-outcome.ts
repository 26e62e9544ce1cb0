import { InvariantViolation } from "./invariant-checker.ts";

/**
 * `stopped` only if it was asked for; a job that was over before is `finished`. `failed` only over an
 * object that a fault had damaged, and it names it.
 */
export type JobOutcome = "finished" | "stopped" | "failed";

/** Returns how a job ended, by its result record; throws `InvariantViolation` if it may not (L6). */
export function outcomeOf(
  result: string,
  allowed: { readonly isStopAsked: boolean; readonly damaged: ReadonlySet<string> },
): JobOutcome {
  if (result.includes('"outcome":"finished"')) return "finished";
  if (allowed.isStopAsked && result.includes('"outcome":"stopped"')) return "stopped";
  // F13: it fails loudly, naming the object, or it does not fail.
  if (isLoud(result) && [...allowed.damaged].some((name) => result.includes(name))) return "failed";
  throw new InvariantViolation(`L6: it ended as ${result}`);
}

function isLoud(result: string): boolean {
  return /"code":"(manifest-corrupt|segment-corrupt|segment-missing|bundle-invalid)"/.test(result);
}
