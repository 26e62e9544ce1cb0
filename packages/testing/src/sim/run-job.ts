import type { JobDefinition } from "@millrace/graph";

import { applyFaults } from "./apply-faults.ts";
import { drainOnceRead } from "./drain-once-read.ts";
import type { Fault, FaultCounts } from "./fault.ts";
import { goOnElsewhere, type RestoreRequest } from "./go-on-elsewhere.ts";
import { InvariantViolation, type RunCounts } from "./invariant-checker.ts";
import { outcomeOf, type JobOutcome } from "./job-outcome.ts";
import type { ReadProgress } from "./read-progress.ts";
import type { SimCluster } from "./sim-cluster.ts";
import type { SimLogLine } from "./sim-world.ts";

export interface RunOptions {
  readonly definition: JobDefinition;
  readonly faults: readonly Fault[];
  /** The faults are over, and without them the job would be, after this virtual time. */
  readonly quietAfterMs: number;
  /** What the user asks for while the job runs; nothing by default. */
  readonly stop?: StopRequest;
  /** End the job while it runs and go on from its latest checkpoint, one after the other. None unless set. */
  readonly restores?: readonly RestoreRequest[];
  /** The job has no end: it is drained once all of its input was read. Not unless set. */
  readonly progress?: ReadProgress;
  /** Runs once the job is over; throws `InvariantViolation`. */
  readonly checkOver: (outcome: JobOutcome) => Promise<void>;
}

export interface StopRequest {
  readonly atMs: number;
  readonly isDrain: boolean;
}

export interface RunReport {
  /** Absent: everything held. */
  readonly violation?: string;
  /** Absent if it did not come to that. */
  readonly outcome?: JobOutcome;
  readonly traceHash: string;
  readonly eventCount: number;
  readonly virtualMs: number;
  readonly faults: readonly Fault[];
  readonly faultCounts: FaultCounts;
  readonly counts: RunCounts;
  readonly unknownOutcomes: number;
  readonly wrongReads: number;
  /** By machine, such as `worker-0`, until the job was over. */
  readonly storeCalls: Readonly<Record<string, number>>;
  readonly log: readonly SimLogLine[];
}

/** How long a fault may last beyond the time at which the last one begins. */
export const longestFaultMs = 12_000;
/** After the faults have stopped, everything is over within this (L1, L3, L6). */
const livenessMs = 240_000;

/** Runs a job to its end in a cluster that is not started yet, with the faults. Never throws. */
export async function runJob(cluster: SimCluster, options: RunOptions): Promise<RunReport> {
  const { world, checker } = cluster;
  const faultCounts = applyFaults(cluster, options.faults);
  let storeCalls: RunReport["storeCalls"] = {};
  const end = await runToEnd(cluster, {
    ...options,
    checkOver: (outcome) => {
      storeCalls = world.callPlans.callsByMachine();
      return options.checkOver(outcome);
    },
  });
  return {
    ...end,
    traceHash: world.scheduler.traceHash(),
    eventCount: world.scheduler.eventCount(),
    virtualMs: world.scheduler.nowMs(),
    faults: options.faults,
    faultCounts,
    counts: checker.counts,
    unknownOutcomes: world.storeCounts.unknownOutcomes,
    wrongReads: world.storeCounts.wrongReads,
    storeCalls,
    log: world.log,
  };
}

async function runToEnd(
  cluster: SimCluster,
  options: RunOptions,
): Promise<Pick<RunReport, "violation" | "outcome">> {
  try {
    const outcome = await runUntilOver(cluster, options);
    await options.checkOver(outcome);
    return { outcome };
  } catch (error) {
    if (error instanceof InvariantViolation) return { violation: error.message };
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { violation: `unexpected: ${text}` };
  }
}

async function runUntilOver(cluster: SimCluster, options: RunOptions): Promise<JobOutcome> {
  const { world, checker } = cluster;
  cluster.start();
  cluster.submit(options.definition);
  const { stop } = options;
  if (stop !== undefined) {
    world.scheduler.schedule(stop.atMs, "stop", () => cluster.stop(stop.isDrain));
  }
  const until = (isDone: () => boolean): Promise<void> => runUntil(cluster, options, isDone);
  for (const restore of options.restores ?? []) {
    if (!(await goOnElsewhere(cluster, restore, until))) break;
    checker.counts.restoredJobs += 1;
  }
  const { progress, quietAfterMs } = options;
  if (progress !== undefined) await drainOnceRead(cluster, { progress, quietAfterMs }, until);
  await until(() => checker.result() !== undefined);
  return outcomeOf(checker.result() ?? "", {
    isStopAsked: stop !== undefined || progress !== undefined,
    damaged: checker.damaged,
  });
}

async function runUntil(
  { world }: SimCluster,
  { quietAfterMs }: RunOptions,
  isDone: () => boolean,
): Promise<void> {
  const endMs = world.scheduler.nowMs() + quietAfterMs + livenessMs;
  if ((await world.scheduler.runUntil(isDone, endMs)) === "done") return;
  throw new InvariantViolation(`L3: the job is not over after ${livenessMs} ms without faults`);
}
