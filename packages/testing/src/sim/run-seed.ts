import type { FailpointName } from "@millrace/core";
import { apiVersion, type JobDefinition } from "@millrace/graph";
import { createMemoryDisk } from "@millrace/platform";

import { interpret } from "../reference/interpret.ts";
import { createOracleContext } from "../reference/oracle-context.ts";
import { findDifference, type Comparison } from "./compare-outputs.ts";
import { drawFaults, type Fault } from "./fault-schedule.ts";
import { InvariantViolation } from "./invariant-checker.ts";
import {
  longestFaultMs,
  runJob,
  type JobOutcome,
  type RunReport,
  type StopRequest,
} from "./run-job.ts";
import { createSeededRandom, type SeededRandom } from "./seeded-random.ts";
import { SimCluster } from "./sim-cluster.ts";
import { drawJob, type SimJob } from "./sim-jobs.ts";

export interface SeedOptions {
  readonly seed: string;
  /** A planted bug; absent in honest runs. */
  readonly failpoint?: FailpointName;
  /** In place of the faults that the seed draws: to shrink a failure. */
  readonly faults?: readonly Fault[];
}

export interface SeedReport extends RunReport {
  readonly seed: string;
}

const faultsEndMs = 20_000;
/** What nothing references is gone within two periods of garbage collection (L4). */
const garbageMs = 8_000;

/** Runs one seed to the end: a job, a cluster and faults that the seed decides. */
export async function runSeed(options: SeedOptions): Promise<SeedReport> {
  const random = createSeededRandom(options.seed);
  const workerCount = 1 + random.below(3);
  const cluster = new SimCluster({
    seed: options.seed,
    workerCount,
    // The widest job has three subtasks a vertex.
    slotsPerWorker: Math.ceil(3 / workerCount),
    ...(options.failpoint === undefined ? {} : { failpoint: options.failpoint }),
  });
  const job = drawJob(random.fork("job"), cluster.world.target);
  const faults =
    options.faults ?? drawFaults(random.fork("faults"), { endMs: faultsEndMs, workerCount });
  const stop = drawStop(random.fork("stop"));
  const report = await runJob(cluster, {
    definition: define(job),
    faults,
    quietAfterMs: faultsEndMs + longestFaultMs,
    ...(stop === undefined ? {} : { stop }),
    checkOver: (outcome) => checkOver(cluster, job, isComparable(outcome, stop)),
  });
  return { seed: options.seed, ...report };
}

function drawStop(random: SeededRandom): StopRequest | undefined {
  if (!random.chance(0.1)) return undefined;
  return { atMs: 1_000 + random.below(faultsEndMs), isDrain: random.chance(0.4) };
}

/** Windows that a drain closes early hold less than the oracle's. */
function isComparable(outcome: JobOutcome, stop: StopRequest | undefined): Comparison | undefined {
  if (outcome === "finished") return "all";
  return stop?.isDrain === true ? undefined : "surplus";
}

function define({ graph }: SimJob): JobDefinition {
  return { millraceJob: apiVersion, name: graph.jobName, build: () => graph };
}

async function checkOver(
  cluster: SimCluster,
  job: SimJob,
  comparison: Comparison | undefined,
): Promise<void> {
  if (comparison !== undefined) await compareOutputs(cluster, job, comparison);
  const { scheduler } = cluster.world;
  // Faults may still be under way: garbage is collected once they are over.
  await scheduler.runUntil(() => false, faultsEndMs + longestFaultMs);
  cluster.keepCoordinator();
  await scheduler.runUntil(() => false, scheduler.nowMs() + garbageMs);
  await checkGarbage(cluster);
}

/** S13, S8, S11, S12: what was published is what a run without faults gives. */
async function compareOutputs(
  { world }: SimCluster,
  { graph }: SimJob,
  comparison: Comparison,
): Promise<void> {
  const disk = createMemoryDisk();
  const expected = await interpret(graph, ({ name }) => createOracleContext(name, disk));
  const published = (name: string): readonly unknown[] => world.target.publishedRecords(name);
  const difference = findDifference(expected, published, comparison);
  if (difference !== undefined) throw new InvariantViolation(`S13: ${difference}`);
}

/** L4: exactly what is referenced is left. */
async function checkGarbage({ world, checker }: SimCluster): Promise<void> {
  const live = checker.liveObjects();
  const orphans = (await world.objects.list("jobs/")).filter(({ name }) => !live.has(name));
  if (orphans.length > 0) {
    const names = orphans.slice(0, 3).map(({ name }) => name);
    throw new InvariantViolation(`L4: ${orphans.length} orphans are left: ${names.join(", ")}`);
  }
}
