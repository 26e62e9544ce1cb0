import type { ReadProgress } from "./read-progress.ts";
import type { SimCluster } from "./sim-cluster.ts";

/** Longer than any window of processing time that a drawn job has, and than a split is on its way. */
const settleMs = 10_000;
const settleCommits = 2;

/**
 * Drains a job without an end once a checkpoint holds that all of its input was read, and its windows
 * of processing time have fired: then its output is that of the whole input. Begins to look at a time
 * at which the faults are over.
 */
export async function drainOnceRead(
  cluster: SimCluster,
  { progress, quietAfterMs }: { readonly progress: ReadProgress; readonly quietAfterMs: number },
  runUntil: (isDone: () => boolean) => Promise<void>,
): Promise<void> {
  const { checker } = cluster;
  const { counts } = checker;
  const { scheduler } = cluster.world;
  const isOver = (): boolean => checker.result() !== undefined;
  const isQuiet = (): boolean => scheduler.nowMs() >= quietAfterMs;
  while (!isOver()) {
    await runUntil(() => isOver() || (isQuiet() && progress.isAllRead()));
    const { attempts, commits } = counts;
    const readAtMs = scheduler.nowMs();
    const isSettled = (): boolean =>
      counts.commits >= commits + settleCommits && scheduler.nowMs() >= readAtMs + settleMs;
    // Behind a new attempt, or once its readers have opened their splits, all has to be read again.
    const isReadAgain = (): boolean => counts.attempts > attempts || !progress.isAllRead();
    await runUntil(() => isOver() || isReadAgain() || isSettled());
    if (isOver() || isReadAgain()) continue;
    cluster.stop(true);
    return;
  }
}
