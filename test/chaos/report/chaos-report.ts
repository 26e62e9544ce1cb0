import type { InjectedFault } from "../faults/inject-fault.ts";
import type { FaultAction } from "../faults/schedule.ts";
import type { CheckpointVerdict } from "../verify/verify-checkpoints.ts";
import type { OutputVerdict } from "../verify/verify-output.ts";
import type { RecoveryView } from "../watch/cluster-watch.ts";
import type { Recovery } from "../watch/measure-recovery.ts";
import { spreadOf, type Spread } from "./quantile.ts";

/** A fault with what it did. */
export interface FaultResult {
  readonly fault: InjectedFault;
  readonly recovery: Recovery;
}

/** A restart of the job from what it found. */
export interface RestoreResult extends RecoveryView {
  /** Rows of the input that did not have to be read again. */
  readonly rowsSkipped: number;
}

/** What a run found out, before it is judged. */
export interface ChaosFacts {
  readonly seed: number;
  readonly stores: string;
  readonly durationMs: number;
  /** Processes that wanted to run, on average, and those that could: speeds mean little without. */
  readonly load: { readonly average: number; readonly processors: number };
  readonly faults: readonly FaultResult[];
  readonly restores: readonly RestoreResult[];
  /** All rows of all loops that the job had to read. */
  readonly lastRow: number;
  /** Absent: the job did not finish. */
  readonly output?: OutputVerdict;
  /** Of all rounds; the last one after the job's end and the collection of its garbage. */
  readonly checkpointRounds: readonly CheckpointVerdict[];
  /** What `millrace verify` found wrong at the end, the other implementation. */
  readonly verifyProblem?: string;
  /** From the job's end until nothing of it was left that no checkpoint names. */
  readonly garbageGoneMs?: number;
  readonly gcPeriodMs: number;
  readonly checkpointsCompleted: number;
  /** Ends of processes that nobody killed, such as a frozen worker that was replaced. */
  readonly ownEnds: readonly string[];
  /** Log lines of level error, counted. */
  readonly errorLines: Readonly<Record<string, number>>;
  /** What stopped the run early. */
  readonly failure?: string;
}

export interface ChaosReport extends ChaosFacts {
  readonly counts: Readonly<Record<string, number>>;
  readonly fromCheckpointShare: number;
  /** Of a killed worker. */
  readonly noticed: Spread;
  readonly resumed: Spread;
  /** From the kill of a leader to the next one. */
  readonly failover: Spread;
  readonly resumedAfterLeader: Spread;
  readonly goals: readonly Goal[];
  /** Empty: nothing was lost and nothing broke. */
  readonly violations: readonly string[];
}

/** A speed to reach; to miss one is no violation, machines differ. */
interface Goal {
  readonly what: string;
  readonly limitMs: number;
  readonly measuredMs?: number;
  readonly isMet: boolean;
}

const leaseMs = 5_000;
const leastShareFromCheckpoint = 0.9;

/** Returns how long garbage may stay: L4's two periods, and time to collect and to look. */
export function garbageLimitMs(gcPeriodMs: number): number {
  return 2 * gcPeriodMs + 5_000;
}

/** Returns the report of the facts. */
export function judge(facts: ChaosFacts): ChaosReport {
  const ofKind = (kind: FaultAction["kind"]): readonly Recovery[] =>
    facts.faults.filter(({ fault }) => fault.action.kind === kind).map(({ recovery }) => recovery);
  const workers = ofKind("kill-worker");
  const leaders = ofKind("kill-leader");
  const noticed = spreadOf(workers.flatMap(({ noticedMs }) => noticedMs ?? []));
  const resumed = spreadOf(workers.flatMap(({ resumedMs }) => resumedMs ?? []));
  const failover = spreadOf(leaders.flatMap(({ ledMs }) => ledMs ?? []));
  const fromCheckpoint = facts.restores.filter(
    ({ checkpointId, restoredBytes }) => checkpointId !== undefined && restoredBytes > 0,
  );
  const fromCheckpointShare =
    facts.restores.length === 0 ? 1 : fromCheckpoint.length / facts.restores.length;
  return {
    ...facts,
    counts: countKinds(facts.faults),
    fromCheckpointShare,
    noticed,
    resumed,
    failover,
    resumedAfterLeader: spreadOf(leaders.flatMap(({ resumedMs }) => resumedMs ?? [])),
    goals: [
      goal("a killed worker is noticed, p99", 500, noticed.p99),
      goal("records flow again, p50", 1_500, resumed.p50),
      goal("records flow again, p99", 4_000, resumed.p99),
      goal("the next leader leads, max", leaseMs + 3_000, failover.max),
    ],
    violations: findViolations(facts, fromCheckpointShare),
  };
}

function findViolations(facts: ChaosFacts, fromCheckpointShare: number): readonly string[] {
  const { output, failure, checkpointRounds, verifyProblem, garbageGoneMs, gcPeriodMs } = facts;
  const found: string[] = [];
  const check = (isRight: boolean, message: string): void => {
    if (!isRight) found.push(message);
  };
  if (failure !== undefined) found.push(failure);
  check(output !== undefined, "L3: the output was never complete");
  if (output !== undefined) {
    check(output.lostRows === 0, `S13: ${output.lostRows} rows lost`);
    check(output.doubledRows === 0, `S13: ${output.doubledRows} rows doubled`);
    check(output.wrongRows === 0, `S13: ${output.wrongRows} rows wrong`);
    check(output.expectedRows > 0, "no rows were expected: the run proves nothing");
    check(output.stagedFiles.length === 0, `S13: staged files are left: ${output.stagedFiles[0]}`);
  }
  for (const { problems } of checkpointRounds) {
    for (const problem of problems) found.push(`D3, S4: ${problem}`);
  }
  if (verifyProblem !== undefined) found.push(`D3: millrace verify: ${verifyProblem}`);
  const orphans = checkpointRounds.at(-1)?.orphans ?? [];
  check(
    garbageGoneMs !== undefined && garbageGoneMs <= garbageLimitMs(gcPeriodMs),
    garbageGoneMs === undefined
      ? `L4: ${orphans.length} objects are left that no checkpoint names, such as ${orphans[0]}`
      : `L4: objects that no checkpoint names were left for ${garbageGoneMs} ms`,
  );
  check(
    fromCheckpointShare >= leastShareFromCheckpoint,
    `only ${Math.round(fromCheckpointShare * 100)} % of the recoveries began at a checkpoint with state`,
  );
  return found;
}

function countKinds(faults: readonly FaultResult[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { fault } of faults) {
    counts[fault.action.kind] = (counts[fault.action.kind] ?? 0) + 1;
  }
  return counts;
}

function goal(what: string, limitMs: number, measuredMs: number | undefined): Goal {
  const isMet = measuredMs === undefined || measuredMs <= limitMs;
  return { what, limitMs, isMet, ...(measuredMs === undefined ? {} : { measuredMs }) };
}
