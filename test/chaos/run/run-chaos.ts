/**
 * One chaos run: a cluster of real processes, the main job over endless input, faults one after the
 * other, and at the end what must hold, checked from outside.
 *
 * I1 A fault begins when the job has recovered from the one before: it runs, a checkpoint of its
 *    attempt has completed, every process serves. If that takes longer than the limit, the run fails.
 * I2 Whatever happens, nothing of the run lives on when `runChaos` has returned.
 */
import { availableParallelism, loadavg } from "node:os";
import { setTimeout as wait } from "node:timers/promises";

import { flightsFile } from "../../e2e/hourly-delays.ts";
import { startChaosCluster, type ChaosCluster } from "../cluster/chaos-cluster.ts";
import type { StoresKind } from "../cluster/cluster-stores.ts";
import { injectFault } from "../faults/inject-fault.ts";
import { drawSchedule, type FaultCounts, type ScheduledFault } from "../faults/schedule.ts";
import { createSeededRandom, type SeededRandom } from "../faults/seeded-random.ts";
import { readInputLayout, type InputLayout } from "../job/input-layout.ts";
import {
  garbageLimitMs,
  judge,
  type ChaosReport,
  type FaultResult,
  type RestoreResult,
} from "../report/chaos-report.ts";
import { formatFault } from "../report/format-report.ts";
import type { History } from "../report/history.ts";
import { verifyCheckpoints, type CheckpointVerdict } from "../verify/verify-checkpoints.ts";
import { verifyOutput, type OutputVerdict } from "../verify/verify-output.ts";
import { ClusterWatch } from "../watch/cluster-watch.ts";
import { hasRecovered, measureRecovery } from "../watch/measure-recovery.ts";
import { submitEndlessJob, type EndlessJob } from "./endless-job.ts";

export interface ChaosOptions {
  readonly seed: number;
  readonly counts: FaultCounts;
  readonly storesKind: StoresKind;
  /** For everything that the run writes; exists and is empty. */
  readonly folder: string;
  readonly history: History;
  readonly rowsPerSecond: number;
  readonly splitRows: number;
  readonly gcPeriodMs: number;
  readonly print: (line: string) => void;
  /** Ends the run early. */
  readonly signal: AbortSignal;
}

const workerCount = 4;
/** One worker stands by, so that a recovery need not wait for a new process. */
const parallelism = 3;
const checkpointMs = 1_000;
/** L1: 30 s; starting processes of a loaded machine is slow for no fault of the cluster. */
const recoveryLimitMs = 60_000;
const startLimitMs = 120_000;
/** Retained checkpoints are restored after so many faults. */
const faultsPerRound = 20;

/** Runs it all and returns the report; throws only when it could not even begin. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  return new ChaosRun(options).run();
}

class ChaosRun {
  readonly #options: ChaosOptions;
  readonly #random: SeededRandom;
  readonly #watch = new ClusterWatch();
  readonly #startedAtMs = Date.now();
  readonly #faults: FaultResult[] = [];
  readonly #rounds: CheckpointVerdict[] = [];
  readonly #ownEnds = new Map<string, number>();
  readonly #loads: number[] = [];
  #lastRow = 0;
  #output: OutputVerdict | undefined;
  #garbageGoneMs: number | undefined;
  #verifyProblem: string | undefined;
  #layout: InputLayout | undefined;

  constructor(options: ChaosOptions) {
    this.#options = options;
    this.#random = createSeededRandom(options.seed ^ 0x5eed);
  }

  async run(): Promise<ChaosReport> {
    const { splitRows, history } = this.#options;
    this.#layout = await readInputLayout(flightsFile, splitRows);
    let failure: string | undefined;
    try {
      await using cluster = await this.#startCluster();
      await this.#runOn(cluster, this.#layout);
    } catch (error) {
      const cause: unknown = this.#options.signal.aborted ? this.#options.signal.reason : error;
      failure = cause instanceof Error ? cause.message : String(cause);
    }
    const report = this.#report(failure);
    history.write("report", report);
    return report;
  }

  #startCluster(): Promise<ChaosCluster> {
    const { storesKind, folder, gcPeriodMs, history } = this.#options;
    return startChaosCluster({
      storesKind,
      workerCount,
      folder,
      gcPeriodMs,
      random: this.#random,
      onEntry: (entry) => {
        history.write("log", entry);
        this.#watch.onEntry(entry);
      },
      onExit: (exit) => {
        history.write("exit", exit);
        if (exit.isOwnEnd) this.#countOwnEnd(`${exit.process}: ${exit.signal ?? exit.code}`);
        this.#watch.onExit(exit);
      },
    });
  }

  async #runOn(cluster: ChaosCluster, layout: InputLayout): Promise<void> {
    const { counts, seed, rowsPerSecond, splitRows, folder, print } = this.#options;
    await this.#untilUp(cluster, startLimitMs);
    const schedule = drawSchedule(possibleCounts(counts, cluster), seed);
    const rows = estimateSeconds(schedule) * rowsPerSecond;
    const job = await submitEndlessJob(cluster, {
      flightsFile,
      folder,
      parallelism,
      rowsPerSecond,
      splitRows,
      checkpointMs,
      loopCount: Math.ceil(rows / layout.rowsOfFile) + 1,
    });
    print(`job ${job.jobId} on ${cluster.stores.kind} stores, ${schedule.length} faults to come`);
    await this.#watch.waitUntil(
      "the first checkpoint",
      { limitMs: startLimitMs, signal: this.#options.signal },
      () => (this.#watch.attempt()?.commits.length ?? 0) > 0,
    );
    for (const [index, scheduled] of schedule.entries()) {
      await this.#runFault(cluster, scheduled, `${index + 1}/${schedule.length}`);
      if ((index + 1) % faultsPerRound === 0) await this.#restoreRetained(cluster, job);
    }
    await this.#finish(cluster, job, layout);
  }

  async #runFault(cluster: ChaosCluster, scheduled: ScheduledFault, place: string): Promise<void> {
    const { signal, history, print } = this.#options;
    await this.#untilUp(cluster, recoveryLimitMs);
    await wait(scheduled.waitMs, undefined, { signal });
    history.write("fault", scheduled);
    const fault = await injectFault(scheduled, { cluster, watch: this.#watch, signal });
    history.write("fault-over", fault);
    await this.#watch.waitUntil(
      `L1: recovery from ${place} ${fault.action.kind} ${fault.target}`,
      { limitMs: recoveryLimitMs, signal },
      () => hasRecovered(this.#watch, fault, parallelism),
    );
    const recovery = measureRecovery(this.#watch, fault, parallelism);
    const result: FaultResult = { fault, recovery };
    this.#faults.push(result);
    this.#loads.push(loadavg()[0] ?? 0);
    history.write("recovered", recovery);
    const { restored } = recovery;
    const clock = ((Date.now() - this.#startedAtMs) / 1_000).toFixed(0).padStart(5);
    const restore = restored === undefined ? undefined : this.#restoresOf([restored])[0];
    print(`${clock} s  ${place.padStart(7)}  ${formatFault(result, restore)}`);
  }

  /** Every process serves, every worker is registered with a leader that lives. */
  #untilUp(cluster: ChaosCluster, limitMs: number): Promise<void> {
    const { coordinators, workers } = cluster;
    const watch = this.#watch;
    return watch.waitUntil(
      "L2: all processes up and registered",
      { limitMs, signal: this.#options.signal },
      () => {
        const leader = watch.leader()?.process;
        return (
          coordinators.every((one) => one.isUp() && watch.serving.has(one.name)) &&
          coordinators.some(({ name }) => name === leader) &&
          workers.every((one) => one.isUp() && watch.registered.has(one.name))
        );
      },
    );
  }

  async #restoreRetained(cluster: ChaosCluster, job: EndlessJob): Promise<CheckpointVerdict> {
    await using metadata = await cluster.stores.openMetadata();
    await using objects = await cluster.stores.openObjects();
    const verdict = await verifyCheckpoints({ metadata, objects }, job.jobId);
    this.#rounds.push(verdict);
    return verdict;
  }

  async #finish(cluster: ChaosCluster, job: EndlessJob, layout: InputLayout): Promise<void> {
    const { signal, print, rowsPerSecond, splitRows } = this.#options;
    await this.#restoreRetained(cluster, job);
    this.#lastRow = await job.setLastRow(layout, this.#random);
    print(`the faults are over; the last row is ${this.#lastRow}`);
    // The readers finish what they have, and a few splits more.
    const readMs = (3 * parallelism * splitRows * 1_000) / rowsPerSecond;
    await this.#watch.waitUntil(
      "L3: the end of the job",
      { limitMs: readMs + recoveryLimitMs, signal },
      () => this.#watch.jobState === "finished",
    );
    await this.#untilGarbageIsGone(cluster, job);
    const { outputFolder } = job;
    this.#output = await verifyOutput({ flightsFile, lastRow: this.#lastRow, outputFolder });
    this.#verifyProblem = await cluster.command("verify", job.jobId).then(
      () => undefined,
      (error: unknown) => String(error),
    );
  }

  /** Returns when it is gone, or after the time that L4 gives it. */
  async #untilGarbageIsGone(cluster: ChaosCluster, job: EndlessJob): Promise<void> {
    const { signal, gcPeriodMs } = this.#options;
    const endedAtMs = Date.now();
    for (;;) {
      const { orphans, problems } = await this.#restoreRetained(cluster, job);
      const passedMs = Date.now() - endedAtMs;
      if (orphans.length === 0) this.#garbageGoneMs = passedMs;
      const isOver = passedMs > garbageLimitMs(gcPeriodMs);
      if (orphans.length === 0 || problems.length > 0 || isOver) return;
      await wait(500, undefined, { signal });
    }
  }

  #report(failure: string | undefined): ChaosReport {
    const { seed, storesKind, gcPeriodMs } = this.#options;
    const attempts = [...this.#watch.attempts.values()];
    return judge({
      seed,
      stores: storesKind,
      durationMs: Date.now() - this.#startedAtMs,
      load: {
        average: this.#loads.reduce((sum, load) => sum + load, 0) / (this.#loads.length || 1),
        processors: availableParallelism(),
      },
      faults: this.#faults,
      restores: this.#restoresOf(this.#watch.recoveries),
      lastRow: this.#lastRow,
      ...(this.#output === undefined ? {} : { output: this.#output }),
      checkpointRounds: this.#rounds,
      ...(this.#verifyProblem === undefined ? {} : { verifyProblem: this.#verifyProblem }),
      ...(this.#garbageGoneMs === undefined ? {} : { garbageGoneMs: this.#garbageGoneMs }),
      gcPeriodMs,
      checkpointsCompleted: attempts.reduce((sum, { commits }) => sum + commits.length, 0),
      ownEnds: [...this.#ownEnds].map(([end, count]) => `${count} x ${end}`),
      errorLines: countLines(this.#watch.errors.map(({ message }) => message)),
      ...(failure === undefined ? {} : { failure }),
    });
  }

  #restoresOf(recoveries: ClusterWatch["recoveries"]): readonly RestoreResult[] {
    return recoveries.map((recovery) => ({
      ...recovery,
      rowsSkipped: this.#layout?.rowsBehind(recovery.sourcePositions) ?? 0,
    }));
  }

  #countOwnEnd(end: string): void {
    this.#ownEnds.set(end, (this.#ownEnds.get(end) ?? 0) + 1);
  }
}

/** Embedded stores are files: there is no server to break. */
function possibleCounts(counts: FaultCounts, { stores }: ChaosCluster): FaultCounts {
  return stores.kind === "production"
    ? counts
    : { ...counts, s3Outages: 0, etcdOutages: 0, linkFaults: 0 };
}

/** Twice what such faults take here, and a minute. */
function estimateSeconds(schedule: readonly ScheduledFault[]): number {
  const sum = schedule.reduce((seconds, { action }) => {
    const durationMs = "durationMs" in action ? action.durationMs : 0;
    return seconds + durationMs / 1_000 + (action.kind === "kill-worker" ? 6 : 15);
  }, 0);
  return 60 + 2 * sum;
}

function countLines(lines: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const line of lines) counts[line] = (counts[line] ?? 0) + 1;
  return counts;
}
