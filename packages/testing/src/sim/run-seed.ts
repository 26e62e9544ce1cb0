import type { FailpointName } from "@millrace/core";
import { apiVersion, type JobDefinition } from "@millrace/graph";

import type { Comparison } from "./compare-outputs.ts";
import { drawRestores } from "./draw-restores.ts";
import {
  checkBounds,
  checkGarbage,
  checkRestores,
  compareOutputs,
  type EndedRun,
} from "./end-checks.ts";
import { faultEndMs, type Fault } from "./fault.ts";
import type { JobOutcome } from "./job-outcome.ts";
import { addCloseHooks } from "./jobs/close-hooks.ts";
import { drawSlotSharing } from "./jobs/slot-sharing.ts";
import { longestFaultMs, runJob, type RunReport, type StopRequest } from "./run-job.ts";
import { createSeededRandom, type SeededRandom } from "./seeded-random.ts";
import { SimCluster } from "./sim-cluster.ts";
import type { ClusterShape } from "./sim-coordinators.ts";
import { drawJob, type SimJob } from "./sim-jobs.ts";
import { drawShape, drawFaultsOf, drawProfile, type SimProfile } from "./sim-profile.ts";

export interface SeedOptions {
  readonly seed: string;
  /** What kind of cluster; drawn from the seed unless set. */
  readonly profile?: SimProfile;
  /** A planted bug; absent in honest runs. */
  readonly failpoint?: FailpointName;
  /** In place of the faults that the seed draws: to shrink a failure. */
  readonly faults?: readonly Fault[];
}

export interface SeedReport extends RunReport {
  readonly seed: string;
  readonly profile: SimProfile;
  /** What the retained checkpoints held that were restored after the end (D3). */
  readonly restoredCells: number;
}

const faultsEndMs = 20_000;
/** What nothing references is gone within two periods of garbage collection (L4). */
const garbageMs = 8_000;
/** A leader that is gone is replaced within its lease and this (L2). */
const failoverMs = 3_000;

/** A seed's run, as its checks see it. */
interface SeedRun extends EndedRun {
  readonly stop: StopRequest | undefined;
  readonly coordinators: ClusterShape | undefined;
  /** From here on there are no faults. */
  readonly quietAfterMs: number;
}

/** Runs one seed to the end: a job, a cluster and faults that the seed decides. */
export async function runSeed(options: SeedOptions): Promise<SeedReport> {
  const { seed, failpoint } = options;
  const random = createSeededRandom(seed);
  const workerCount = 1 + random.below(3);
  const profile = options.profile ?? drawProfile(random);
  const coordinators = drawShape(profile, random);
  const sharing = drawSlotSharing(random.fork("slot-sharing"));
  const cluster = new SimCluster({
    seed,
    workerCount,
    // The widest job has three subtasks a vertex.
    slotsPerWorker: Math.ceil((3 * sharing.groupCount) / workerCount),
    ...(failpoint === undefined ? {} : { failpoint }),
    ...(coordinators === undefined ? {} : { coordinators }),
  });
  const drawn = drawJob(random.fork("job"), cluster.world.target);
  const shared = sharing.share(drawn.graph);
  const graph = addCloseHooks(random.fork("close-hooks"), shared, (message) =>
    cluster.checker.violate(message),
  );
  const job = { ...drawn, graph };
  const limits = { endMs: faultsEndMs, workerCount, coordinators };
  const faults = options.faults ?? drawFaultsOf(random, limits);
  // Of a damaged object nothing is promised, so nobody can be sure to go on from it.
  const isDamaged = faults.some(({ kind }) => kind === "damage-object");
  const restores = isDamaged ? [] : drawRestores(random.fork("restores"), job.graph);
  const stop = restores.length > 0 ? undefined : drawStop(random.fork("stop"));
  const quietAfterMs = Math.max(faultsEndMs + longestFaultMs, ...faults.map(faultEndMs));
  if (coordinators !== undefined) {
    scheduleLeaderCheck(cluster, { faults, quietAfterMs, leaseMs: coordinators.leaseMs });
  }
  let restoredCells = 0;
  const report = await runJob(cluster, {
    definition: define(job),
    faults,
    quietAfterMs,
    ...(stop === undefined ? {} : { stop }),
    restores,
    ...(job.progress === undefined ? {} : { progress: job.progress }),
    checkOver: async (outcome) => {
      const run = { cluster, job, stop, coordinators, quietAfterMs };
      restoredCells = await checkOver(run, outcome);
    },
  });
  return { seed, profile, ...report, restoredCells };
}

/** L2, as soon as it is promised, if that is before the end is checked anyhow. */
function scheduleLeaderCheck(
  { world, checker }: SimCluster,
  run: {
    readonly faults: readonly Fault[];
    readonly quietAfterMs: number;
    readonly leaseMs: number;
  },
): void {
  const lastMs = Math.max(0, ...run.faults.map(faultEndMs));
  // Of a death at a call nobody knows when it comes.
  const isOpen = run.faults.some(({ kind }) => kind === "kill-at-call");
  if (isOpen || lastMs > run.quietAfterMs - 1_000) return;
  const afterMs = lastMs + run.leaseMs + failoverMs;
  world.scheduler.schedule(afterMs, "one leader", () => checker.leadership.checkOneLeader());
}

function drawStop(random: SeededRandom): StopRequest | undefined {
  if (!random.chance(0.1)) return undefined;
  return { atMs: 1_000 + random.below(faultsEndMs), isDrain: random.chance(0.4) };
}

/**
 * Windows that a drain closes early hold less than the oracle's. A job without an end that nobody
 * stopped before was drained when all of its input had been read.
 */
function isComparable(outcome: JobOutcome, { job, stop }: SeedRun): Comparison | undefined {
  const isWhole = job.progress !== undefined && stop === undefined && outcome === "stopped";
  if (outcome === "finished" || isWhole) return "all";
  return stop?.isDrain === true ? undefined : "surplus";
}

function define({ graph }: SimJob): JobDefinition {
  return { millraceJob: apiVersion, name: graph.jobName, build: () => graph };
}

async function checkOver(run: SeedRun, outcome: JobOutcome): Promise<number> {
  const { cluster, coordinators, quietAfterMs } = run;
  const comparison = isComparable(outcome, run);
  if (comparison !== undefined) await compareOutputs(run, comparison);
  const { scheduler } = cluster.world;
  // Faults may still be under way: garbage is collected once they are over.
  await scheduler.runUntil(() => false, quietAfterMs);
  cluster.coordinators.keep();
  if (coordinators !== undefined) {
    await checkLeaders(cluster, coordinators.leaseMs);
    // What was on its way to the object store when its writer died is left to the next leader.
    cluster.coordinators.leading()?.kill();
    await checkLeaders(cluster, coordinators.leaseMs);
  }
  await scheduler.runUntil(() => false, scheduler.nowMs() + garbageMs);
  await checkGarbage(cluster);
  checkBounds(run);
  return checkRestores(run);
}

/** L2: one coordinator leads, soon after whatever happened. */
async function checkLeaders({ world, checker }: SimCluster, leaseMs: number): Promise<void> {
  const { scheduler } = world;
  await scheduler.runUntil(() => false, scheduler.nowMs() + leaseMs + failoverMs);
  checker.leadership.checkOneLeader();
  checker.throwIfBroken();
}
