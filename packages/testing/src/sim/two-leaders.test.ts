import { apiVersion } from "@millrace/graph";
import { expect, test } from "vitest";

import { runJob, type RunReport } from "./run-job.ts";
import { createSeededRandom } from "./seeded-random.ts";
import { SimCluster } from "./sim-cluster.ts";
import { drawJob } from "./sim-jobs.ts";

const leaseMs = 3_000;
const sleepMs = 2 * leaseMs;
const patience = { deadlineMs: 120_000, tryTimeoutMs: 30_000, maxCalls: 8 };

/** What became of a leader that slept from the moment on. */
interface Sleep {
  readonly report: RunReport;
  readonly sleeper: string;
  readonly successor: string | undefined;
  /** From the start of the sleep. */
  readonly takeoverMs: number;
  readonly refusedWrites: number;
  readonly isSleeperAlive: boolean;
}

/** Runs a job under two coordinators; the leader sleeps beyond its lease, then wakes up. */
async function sleepAt(seed: string, atMs: number): Promise<Sleep> {
  const cluster = new SimCluster({
    seed,
    workerCount: 2,
    slotsPerWorker: 2,
    coordinators: { count: 2, leaseMs, patience },
  });
  const { scheduler, target } = cluster.world;
  const { leadership } = cluster.checker;
  const { graph } = drawJob(createSeededRandom(seed).fork("job"), target);
  let sleeper = cluster.coordinators.leading();
  let successor = sleeper;
  let takeoverMs = 0;
  scheduler.schedule(atMs, "sleep", () => {
    sleeper = cluster.coordinators.leading();
    sleeper?.pause();
    scheduler.schedule(sleepMs, "wake", () => {
      successor = leadership.leader();
      sleeper?.resume();
    });
  });
  const look = (): void => {
    const leader = leadership.leader();
    if (sleeper !== undefined && leader !== undefined && leader !== sleeper) {
      takeoverMs = scheduler.nowMs() - atMs;
    } else {
      scheduler.schedule(10, "look", look);
    }
  };
  scheduler.schedule(atMs + 1, "look", look);
  const definition = { millraceJob: apiVersion, name: graph.jobName, build: () => graph } as const;
  const report = await runJob(cluster, {
    definition,
    faults: [],
    quietAfterMs: 60_000,
    checkOver: async () => {
      await scheduler.runUntil(() => false, Math.max(scheduler.nowMs(), atMs + sleepMs) + 1_000);
      leadership.checkOneLeader();
      cluster.checker.throwIfBroken();
    },
  });
  return {
    report,
    sleeper: sleeper?.name ?? "nobody",
    successor: successor?.name,
    takeoverMs,
    refusedWrites: sleeper === undefined ? 0 : leadership.refusedWritesOf(sleeper),
    isSleeperAlive: sleeper?.isAlive() === true,
  };
}

test(
  "a leader that sleeps beyond its lease in the middle of a commit and wakes up beside its successor: every write of it is refused, it steps down, the job goes on (S1, L2, F6)",
  { timeout: 120_000 },
  async () => {
    const seed = "two leaders";
    const undisturbed = await sleepAt(seed, 50_000);
    const commits = undisturbed.report.log.filter(({ message }) =>
      /^checkpoint \d+ completed/.test(message),
    );
    const third = commits[2]?.atMs ?? 0;
    expect(third).toBeGreaterThan(0);
    const totals = { sleeps: 0, refusedWrites: 0, stepDowns: 0, slowestTakeoverMs: 0, resumed: 0 };
    // A commit takes some 10 ms: all its moments, some before and some after.
    for (let beforeMs = -1; beforeMs <= 12; beforeMs += 0.4) {
      const sleep = await sleepAt(seed, third - beforeMs);
      expect(sleep.report.violation).toBeUndefined();
      expect(sleep.report.outcome).toBe("finished");
      expect(sleep.successor).not.toBe(sleep.sleeper);
      expect(sleep.isSleeperAlive).toBe(false);
      expect(sleep.takeoverMs).toBeLessThanOrEqual(leaseMs + 3_000);
      totals.sleeps += 1;
      totals.refusedWrites += sleep.refusedWrites;
      totals.stepDowns += sleep.report.counts.stepDowns;
      totals.slowestTakeoverMs = Math.max(totals.slowestTakeoverMs, sleep.takeoverMs);
      totals.resumed += sleep.report.counts.nonEmptyRestores > 0 ? 1 : 0;
    }
    process.stdout.write(`two leaders: ${JSON.stringify(totals)}\n`);
    // S1 itself is checked at every write; here it is seen that there was something to refuse.
    expect(totals.refusedWrites).toBeGreaterThan(3);
    expect(totals.stepDowns).toBe(totals.sleeps);
    expect(totals.resumed).toBe(totals.sleeps);
  },
);
