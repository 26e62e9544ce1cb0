import type { CompletedCheckpoint } from "../process/bench-cluster.ts";
import { meanOf, medianOf } from "../report/statistics.ts";
import type { ClusterUse, ClusterWatch } from "./cluster-watch.ts";

/** What a checkpoint took, of some in a row, and what the cluster had meanwhile. */
export interface Stretch {
  readonly use: ClusterUse;
  readonly coordinatorCpuMs: number;
  /** With what the job did between two of them. */
  readonly workerCpuMs: number;
  /** The median. */
  readonly durationMs: number;
  readonly newBytes: number;
}

/**
 * Returns what the checkpoints took, one by one: the first only says when the time of the others begins. Throws
 * where there are less than two.
 */
export function measureStretch(
  watch: ClusterWatch,
  checkpoints: readonly CompletedCheckpoint[],
): Stretch {
  const [before, ...some] = checkpoints;
  const end = some.at(-1);
  if (before === undefined || end === undefined) throw new Error("there are no two checkpoints");
  const use = watch.between(before.atMs, end.atMs);
  const secondsOfOne = (end.atMs - before.atMs) / 1_000 / some.length;
  return {
    use,
    coordinatorCpuMs: use.coordinatorCpu * secondsOfOne,
    workerCpuMs: use.workerCpu * secondsOfOne,
    durationMs: medianOf(some.map(({ durationMs }) => durationMs)),
    newBytes: meanOf(some.map(({ newBytes }) => newBytes)),
  };
}
