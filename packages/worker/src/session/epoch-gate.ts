import type { AttemptRef, JobId } from "@millrace/core";

/** What a message's epochs are, against the newest attempt of its job that this worker knows. */
export type EpochVerdict = "current" | "stale" | "newer";

const rememberedJobs = 256;

/**
 * The newest attempt that this worker was told of, by job.
 *
 * I1 What it remembers of a job only rises (S2); of jobs, it remembers the last 256.
 */
export class EpochGate {
  readonly #known = new Map<JobId, AttemptRef>();

  judge(ref: AttemptRef): EpochVerdict {
    const known = this.#known.get(ref.jobId);
    if (known === undefined) return "newer";
    const order = compareRefs(ref, known);
    if (order === 0) return "current";
    return order < 0 ? "stale" : "newer";
  }

  /** From now on everything lower is stale. */
  raise(ref: AttemptRef): void {
    const known = this.#known.get(ref.jobId);
    if (known !== undefined && compareRefs(ref, known) < 0) return;
    this.#known.delete(ref.jobId);
    this.#known.set(ref.jobId, ref);
    const [oldest] = this.#known.keys();
    if (this.#known.size > rememberedJobs && oldest !== undefined) this.#known.delete(oldest);
  }
}

/** Returns the order of two attempts of one job: negative if the first is older. */
export function compareRefs(first: AttemptRef, second: AttemptRef): number {
  if (first.leaderEpoch !== second.leaderEpoch) {
    return first.leaderEpoch < second.leaderEpoch ? -1 : 1;
  }
  return first.attempt - second.attempt;
}
