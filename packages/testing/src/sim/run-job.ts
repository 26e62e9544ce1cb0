import type { JobDefinition } from "@millrace/graph";

import { applyFaults, type FaultCounts } from "./apply-faults.ts";
import type { Fault } from "./fault-schedule.ts";
import { InvariantViolation, type RunCounts } from "./invariant-checker.ts";
import type { SimCluster } from "./sim-cluster.ts";
import type { SimLogLine } from "./sim-world.ts";

export interface RunOptions {
  readonly definition: JobDefinition;
  readonly faults: readonly Fault[];
  /** The faults are over, and without them the job would be, after this virtual time. */
  readonly quietAfterMs: number;
  /** Runs once the job has finished; throws `InvariantViolation`. */
  readonly checkFinished: () => Promise<void>;
}

export interface RunReport {
  /** Absent: everything held. */
  readonly violation?: string;
  readonly traceHash: string;
  readonly eventCount: number;
  readonly virtualMs: number;
  readonly faults: readonly Fault[];
  readonly faultCounts: FaultCounts;
  readonly counts: RunCounts;
  readonly unknownOutcomes: number;
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
  const violation = await findViolation(cluster, options);
  return {
    ...(violation === undefined ? {} : { violation }),
    traceHash: world.scheduler.traceHash(),
    eventCount: world.scheduler.eventCount(),
    virtualMs: world.scheduler.nowMs(),
    faults: options.faults,
    faultCounts,
    counts: checker.counts,
    unknownOutcomes: world.storeCounts.unknownOutcomes,
    log: world.log,
  };
}

async function findViolation(
  cluster: SimCluster,
  options: RunOptions,
): Promise<string | undefined> {
  try {
    await runToEnd(cluster, options);
    return undefined;
  } catch (error) {
    if (error instanceof InvariantViolation) return error.message;
    return `unexpected: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  }
}

async function runToEnd(cluster: SimCluster, options: RunOptions): Promise<void> {
  const { world, checker } = cluster;
  cluster.start();
  cluster.submit(options.definition);
  const isOver = (): boolean => checker.result() !== undefined;
  const outcome = await world.scheduler.runUntil(isOver, options.quietAfterMs + livenessMs);
  if (outcome !== "done") {
    throw new InvariantViolation(`L3: the job is not over after ${livenessMs} ms without faults`);
  }
  const result = checker.result() ?? "";
  if (!result.includes('"finished"')) throw new InvariantViolation(`L6: it ended as ${result}`);
  await options.checkFinished();
}
