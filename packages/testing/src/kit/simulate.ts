import type { JobDefinition } from "@millrace/graph";

import type { Fault } from "../sim/fault.ts";
import type { SimLogLine } from "../sim/sim-world.ts";
import { runSubject, type SubjectRun } from "./run-subject.ts";
import { createSubject, type JobInputs } from "./subject.ts";

export interface SimulateOptions extends JobInputs {
  /** Decides everything that is left to chance; the same seed is the same run. */
  readonly seed: string;
  /**
   * `true`: those that the seed draws, as in `assertExactlyOnce`; a list: exactly these. The job is
   * then slowed down to a few seconds of virtual time with several checkpoints. None unless set.
   */
  readonly faults?: boolean | readonly Fault[];
  /** In place of the job's own; drawn from the seed, up to 3, if neither says. */
  readonly parallelism?: number;
  /**
   * The job is slowed down as with faults, runs until its third checkpoint, all its workers die, and it
   * goes on from there at this parallelism, as `run --from <job> --parallelism <n>` does. Not unless
   * set.
   */
  readonly restoreAt?: number;
  /** How many splits each of `inputs` is cut into; drawn from the seed, up to 4, unless set. */
  readonly splits?: number;
}

/** What a simulated run did. */
export interface Simulation {
  readonly seed: string;
  /** What each sink has published, by its name; as a multiset, the order means nothing. */
  readonly outputs: Readonly<Record<string, readonly unknown[]>>;
  /** Why the run was not right: the job did not finish, or broke an invariant of the engine. */
  readonly violation?: string;
  readonly faults: readonly Fault[];
  /** How often the job was started again. */
  readonly recoveries: number;
  readonly checkpoints: number;
  /** How much time passed in the simulation. */
  readonly virtualMs: number;
  /** Of all events in their order: equal for equal runs. */
  readonly traceHash: string;
  /** What all simulated processes logged. */
  readonly log: readonly SimLogLine[];
}

/**
 * Returns what a job does in a simulated cluster: production code under virtual time, in this
 * thread. Sources named in `inputs` read those records, others must be replayable and read `files`;
 * sinks write to memory. It takes some 0.1 s. Throws `invalid-argument` for inputs that do not fit
 * the job, and what the job's function throws; what fails while the job runs is the `violation`.
 */
export async function simulate(job: JobDefinition, options: SimulateOptions): Promise<Simulation> {
  const { seed, faults = false, parallelism, restoreAt, splits } = options;
  const subject = await createSubject(job, options);
  const run = await runSubject(subject, {
    seed,
    faults: typeof faults === "boolean" ? (faults ? "drawn" : "none") : faults,
    parallelism,
    restoreAt,
    splits,
    findViolation: () => undefined,
  });
  const sinks = subject
    .build({ splitCount: 1, batchSize: 1 })
    .nodes.filter(({ spec }) => spec.kind === "sink");
  return {
    seed,
    outputs: Object.fromEntries(sinks.map(({ name }) => [name, run.outputs(name)])),
    ...(run.violation === undefined ? {} : { violation: run.violation }),
    faults: run.faults,
    recoveries: countRecoveries(run),
    checkpoints: run.counts.commits,
    virtualMs: run.virtualMs,
    traceHash: run.traceHash,
    log: run.log,
  };
}

export function countRecoveries({ counts }: SubjectRun): number {
  return Math.max(0, counts.attempts - 1);
}
