import { silentLogger, type FailpointName } from "@millrace/core";
import { createMemoryDisk } from "@millrace/platform";

import { interpret } from "../reference/interpret.ts";
import { applyFaults, type FaultCounts } from "./apply-faults.ts";
import { drawFaults, type Fault } from "./fault-schedule.ts";
import { InvariantViolation, type RunCounts } from "./invariant-checker.ts";
import { createSeededRandom } from "./seeded-random.ts";
import { SimCluster } from "./sim-cluster.ts";
import { drawJob, type SimJob } from "./sim-jobs.ts";
import type { SimLogLine } from "./sim-world.ts";

export interface SeedOptions {
  readonly seed: string;
  /** A planted bug; absent in honest runs. */
  readonly failpoint?: FailpointName;
  /** In place of the faults that the seed draws: to shrink a failure. */
  readonly faults?: readonly Fault[];
}

export interface SeedReport {
  readonly seed: string;
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

const faultsEndMs = 20_000;
const longestFaultMs = 12_000;
/** After the faults have stopped, everything is over within this (L1, L3, L6). */
const livenessMs = 240_000;
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
  const { world, checker } = cluster;
  const job = drawJob(random.fork("job"), world.target);
  const faults =
    options.faults ?? drawFaults(random.fork("faults"), { endMs: faultsEndMs, workerCount });
  const faultCounts = applyFaults(cluster, faults);
  const violation = await findViolation(cluster, job);
  return {
    seed: options.seed,
    ...(violation === undefined ? {} : { violation }),
    traceHash: world.scheduler.traceHash(),
    eventCount: world.scheduler.eventCount(),
    virtualMs: world.scheduler.nowMs(),
    faults,
    faultCounts,
    counts: checker.counts,
    unknownOutcomes: world.storeCounts.unknownOutcomes,
    log: world.log,
  };
}

async function findViolation(cluster: SimCluster, job: SimJob): Promise<string | undefined> {
  try {
    await run(cluster, job);
    return undefined;
  } catch (error) {
    if (error instanceof InvariantViolation) return error.message;
    return `unexpected: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  }
}

async function run(cluster: SimCluster, job: SimJob): Promise<void> {
  const { world, checker } = cluster;
  const { scheduler } = world;
  cluster.start();
  cluster.submit(job);
  const isOver = (): boolean => checker.result() !== undefined;
  const outcome = await scheduler.runUntil(isOver, faultsEndMs + longestFaultMs + livenessMs);
  if (outcome !== "done") {
    throw new InvariantViolation(`L3: the job is not over after ${livenessMs} ms without faults`);
  }
  const result = checker.result() ?? "";
  if (!result.includes('"finished"')) throw new InvariantViolation(`L6: it ended as ${result}`);
  await compareOutputs(cluster, job);
  // Faults may still be under way: garbage is collected once they are over.
  await scheduler.runUntil(() => false, faultsEndMs + longestFaultMs);
  cluster.keepCoordinator();
  await scheduler.runUntil(() => false, scheduler.nowMs() + garbageMs);
  await checkGarbage(cluster);
}

/** S13, S8, S11, S12: what was published is what a run without faults gives. */
async function compareOutputs({ world }: SimCluster, job: SimJob): Promise<void> {
  const expected = await interpretNow(job);
  for (const name of job.sinks) {
    const missing = toMultiset(expected.get(name) ?? []);
    const surplus: string[] = [];
    for (const record of world.target.publishedRecords(name)) {
      const text = JSON.stringify(record);
      const count = missing.get(text) ?? 0;
      if (count === 0) surplus.push(text);
      else if (count === 1) missing.delete(text);
      else missing.set(text, count - 1);
    }
    if (missing.size === 0 && surplus.length === 0) continue;
    const lost = [...missing.keys()].slice(0, 3).join(" ");
    throw new InvariantViolation(
      `S13: ${name} lacks ${missing.size} records (${lost}) and has ${surplus.length} too many (${surplus.slice(0, 3).join(" ")})`,
    );
  }
}

/** The oracle reads the same connectors with clocks that do not wait. */
function interpretNow(job: SimJob): ReturnType<typeof interpret> {
  return interpret(job.graph, (node) => ({
    jobId: "oracle",
    operatorName: node.name,
    subtaskIndex: 0,
    parallelism: 1,
    attempt: 1,
    disk: createMemoryDisk(),
    clock: {
      monotonicMs: () => 0,
      wallMs: () => 0,
      schedule: (_delayMs, callback) => {
        queueMicrotask(callback);
        return { [Symbol.dispose]: () => {} };
      },
    },
    logger: silentLogger,
  }));
}

function toMultiset(records: readonly unknown[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const record of records) {
    const text = JSON.stringify(record);
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return counts;
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
