import type { InjectedFault } from "../faults/inject-fault.ts";
import type { AttemptView, ClusterWatch, RecoveryView } from "./cluster-watch.ts";

/** What a fault did, in milliseconds from its beginning; absent: it did not come to that. */
export interface Recovery {
  /** The leader's first line that says so: the worker lost, or the attempt failed. */
  readonly noticedMs?: number;
  /** The next leader leads. */
  readonly ledMs?: number;
  /** The last source subtask of a new attempt hands records to its chain. */
  readonly resumedMs?: number;
  /** The first checkpoint that was completed after the fault was over. */
  readonly checkpointMs?: number;
  readonly restored?: RecoveryView;
}

/** Whether the job is well again after the fault: see `isWell`, and a new attempt where one must be. */
export function hasRecovered(
  watch: ClusterWatch,
  fault: InjectedFault,
  parallelism: number,
): boolean {
  const attempt = watch.attempt();
  if (attempt === undefined || attempt.flowAtMs.size < parallelism) return false;
  const { kind } = fault.action;
  const mustElect = kind === "kill-leader" || kind === "kill-all";
  const mustRestart = kind === "kill-worker" || mustElect;
  if (mustRestart && attempt.attempt <= fault.attemptBefore) return false;
  if (mustElect && (watch.leader()?.atMs ?? 0) < fault.startedAtMs) return false;
  return attempt.commits.some(({ atMs }) => atMs >= fault.endedAtMs);
}

/** Returns the measures of a fault from which the job has recovered. */
export function measureRecovery(
  watch: ClusterWatch,
  fault: InjectedFault,
  parallelism: number,
): Recovery {
  const sinceMs = (atMs: number | undefined): number | undefined =>
    atMs === undefined ? undefined : Math.max(0, atMs - fault.startedAtMs);
  const later = [...watch.attempts.values()].filter(({ attempt }) => attempt > fault.attemptBefore);
  const isLater = ({ atMs }: { readonly atMs: number }): boolean => atMs >= fault.startedAtMs;
  const recoveries = watch.recoveries.filter(isLater);
  return dropAbsent({
    noticedMs: sinceMs(noticedAtMs(watch, fault)),
    ledMs: sinceMs(watch.leadings.find(isLater)?.atMs),
    resumedMs: sinceMs(firstFlowAtMs(later, parallelism)),
    checkpointMs: sinceMs(
      watch.attempt()?.commits.find(({ atMs }) => atMs >= fault.endedAtMs)?.atMs,
    ),
    restored: recoveries.at(-1),
  });
}

function noticedAtMs(
  { losses, attempts }: ClusterWatch,
  { attemptBefore, startedAtMs, target }: InjectedFault,
): number | undefined {
  const lost = losses.find(({ worker, atMs }) => worker === target && atMs >= startedAtMs);
  const failedAtMs = attempts.get(attemptBefore)?.failedAtMs;
  const times = [lost?.atMs, failedAtMs].filter((atMs) => atMs !== undefined);
  return times.length === 0 ? undefined : Math.min(...times);
}

function firstFlowAtMs(attempts: readonly AttemptView[], parallelism: number): number | undefined {
  const flowing = attempts.find(({ flowAtMs }) => flowAtMs.size >= parallelism);
  return flowing === undefined ? undefined : Math.max(...flowing.flowAtMs.values());
}

type Measures = { readonly [Name in keyof Recovery]: Recovery[Name] | undefined };

function dropAbsent(measures: Measures): Recovery {
  return Object.fromEntries(Object.entries(measures).filter(([, value]) => value !== undefined));
}
