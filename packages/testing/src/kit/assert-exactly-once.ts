import { AssertionError } from "node:assert";

import { StreamError } from "@millrace/core";
import type { JobDefinition } from "@millrace/graph";
import { createMemoryDisk } from "@millrace/platform";

import { interpret } from "../reference/interpret.ts";
import { createOracleContext } from "../reference/oracle-context.ts";
import { findDifference } from "../sim/compare-outputs.ts";
import type { Fault } from "../sim/fault.ts";
import { checkOnTime } from "./check-on-time.ts";
import { runSubject, type Outputs, type SubjectRun } from "./run-subject.ts";
import { shrinkFaults } from "./shrink-faults.ts";
import { countRecoveries } from "./simulate.ts";
import { createSubject, type JobInputs, type Subject } from "./subject.ts";

export interface ExactlyOnceOptions extends JobInputs {
  /** How many, from "0" on, or which. 100 unless set; each takes some 0.1 s. */
  readonly seeds?: number | readonly string[];
  /** In place of the job's own; drawn from each seed, up to 3, if neither says. */
  readonly parallelism?: number;
  /** The parallelism at which each run goes on after its third checkpoint; see `simulate`. */
  readonly restoreAt?: number;
  /** How many splits each of `inputs` is cut into; drawn from each seed, up to 4, unless set. */
  readonly splits?: number;
}

/** What the runs went through: without any recovery they would prove little. */
export interface ExactlyOnceReport {
  readonly seeds: number;
  readonly faults: number;
  readonly recoveries: number;
  readonly checkpoints: number;
}

/**
 * Runs a job under one seed after the other, with kills, pauses, partitions and lost responses, and
 * returns what that was. Each run's sinks must have, as multisets, what one plain pass over the
 * inputs gives; so what the job gives must not depend on how the records of several splits meet:
 * where it does, give `splits: 1`. Throws `AssertionError`, with the seed, the faults without which
 * it would not fail, and the line that repeats it; throws `invalid-argument` for inputs that do not
 * fit, such as late ones, of which windows take a number that depends on timing.
 */
export async function assertExactlyOnce(
  job: JobDefinition,
  options: ExactlyOnceOptions = {},
): Promise<ExactlyOnceReport> {
  const { seeds = 100 } = options;
  const subject = await createSubject(job, options);
  const expected = await askOracle(subject, options);
  const runOne: RunOne = (seed, faults) =>
    runSubject(subject, {
      seed,
      faults,
      parallelism: options.parallelism,
      restoreAt: options.restoreAt,
      splits: options.splits,
      findViolation: (outputs: Outputs) => {
        const difference = findDifference(expected, outputs);
        return difference === undefined ? undefined : `sink ${difference}`;
      },
    });
  const names =
    typeof seeds === "number" ? Array.from({ length: seeds }, (_, at) => `${at}`) : seeds;
  const report = { seeds: names.length, faults: 0, recoveries: 0, checkpoints: 0 };
  for (const seed of names) {
    const run = await runOne(seed, "drawn");
    if (run.violation !== undefined) throw await explain(job, options, run, runOne);
    report.faults += run.faults.length;
    report.recoveries += countRecoveries(run);
    report.checkpoints += run.counts.commits;
  }
  return report;
}

type RunOne = (seed: string, faults: "drawn" | readonly Fault[]) => Promise<SubjectRun>;

/** Returns what each sink must have. */
async function askOracle(
  { build, writeFiles }: Subject,
  { inputs = {} }: ExactlyOnceOptions,
): Promise<ReadonlyMap<string, readonly unknown[]>> {
  const graph = build({ splitCount: 1, batchSize: 512 });
  checkOnTime(graph, inputs);
  const disk = createMemoryDisk();
  await writeFiles(disk);
  const expected = await interpret(graph, ({ name }) => createOracleContext(name, disk));
  if (expected.size > 0) return expected;
  throw new StreamError(
    "invalid-argument",
    `job ${graph.jobName} has no sink: there is nothing to compare; give it one`,
    { domain: "user", retry: "never" },
  );
}

async function explain(
  job: JobDefinition,
  options: ExactlyOnceOptions,
  failed: SubjectRun,
  runOne: RunOne,
): Promise<AssertionError> {
  const { seed } = failed;
  let last = failed;
  const hasFailed = async (faults: readonly Fault[]): Promise<boolean> => {
    const run = await runOne(seed, faults);
    if (run.violation !== undefined) last = run;
    return run.violation !== undefined;
  };
  const isRepeatable = await hasFailed(failed.faults);
  const faults = isRepeatable ? await shrinkFaults(failed.faults, hasFailed) : failed.faults;
  const lines = [
    `job ${job.name} fails under seed ${seed}: ${last.violation}`,
    ...describeFaults(faults, isRepeatable),
    `repeat: await assertExactlyOnce(job, { ${repeatOptions(options, seed)} });`,
  ];
  return new AssertionError({ message: lines.join("\n") });
}

function describeFaults(faults: readonly Fault[], isRepeatable: boolean): readonly string[] {
  const listed = faults.map((fault) => `  ${JSON.stringify(fault)}`);
  if (!isRepeatable) {
    const hint =
      "the same seed did not fail again in this process: something outlives a run, such as a module-level variable that should be state";
    return [hint, `faults (${faults.length}):`, ...listed];
  }
  if (faults.length > 0) return ["faults, without those that do not matter:", ...listed];
  return [
    "it fails without any fault: what the job gives depends on how records meet (does splits: 1 hold?), or on something outside of state, such as a module-level variable",
  ];
}

function repeatOptions(options: ExactlyOnceOptions, seed: string): string {
  const { parallelism, restoreAt, splits } = options;
  const given = (["params", "inputs", "files"] as const).filter(
    (name) => options[name] !== undefined,
  );
  return [
    ...given,
    ...(parallelism === undefined ? [] : [`parallelism: ${parallelism}`]),
    ...(restoreAt === undefined ? [] : [`restoreAt: ${restoreAt}`]),
    ...(splits === undefined ? [] : [`splits: ${splits}`]),
    `seeds: [${JSON.stringify(seed)}]`,
  ].join(", ");
}
