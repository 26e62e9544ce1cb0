import type { JobDefinition } from "@millrace/graph";

import { InvariantViolation } from "./invariant-checker.ts";
import type { SimCluster } from "./sim-cluster.ts";

/** That a job ends while it runs, and another one goes on from its latest checkpoint. */
export interface RestoreRequest {
  /** How many checkpoints complete before that. */
  readonly afterCheckpoints: number;
  /**
   * `kill`: all workers die at once, and the job is cancelled. `cancel`: it is cancelled while it runs.
   * `stop`: it is stopped with a savepoint.
   */
  readonly how: "kill" | "cancel" | "stop";
  /** The job that goes on, such as the same at another parallelism. */
  readonly definition: JobDefinition;
  /** Whether the job may be over before it was to end; then nothing goes on. Not unless set. */
  readonly isOptional?: boolean;
}

/** Runs the simulation until what it is asked for holds. */
type RunUntil = (isDone: () => boolean) => Promise<void>;

/**
 * Lets the job run for some checkpoints, ends it, and submits the job that goes on from there. Returns
 * whether it came to that.
 */
export async function goOnElsewhere(
  cluster: SimCluster,
  request: RestoreRequest,
  runUntil: RunUntil,
): Promise<boolean> {
  const { checker } = cluster;
  const before = checker.counts.commits;
  const isOver = (): boolean => checker.result() !== undefined;
  const isDue = (): boolean =>
    cluster.jobId !== undefined && checker.counts.commits - before >= request.afterCheckpoints;
  await runUntil(() => isOver() || isDue());
  if (isOver()) {
    if (request.isOptional === true) return false;
    throw new InvariantViolation(
      `the job was over after ${checker.counts.commits} checkpoints, before it could be restored`,
    );
  }
  end(cluster, request.how);
  await runUntil(isOver);
  checkOutcome(checker.result() ?? "", request.how);
  const { jobId } = cluster;
  checker.watchNextJob();
  for (let index = 0; index < cluster.workerCount; index += 1) cluster.startWorker(index);
  cluster.submit(request.definition, jobId);
  return true;
}

function end(cluster: SimCluster, how: RestoreRequest["how"]): void {
  if (how === "stop") {
    cluster.stop(false);
    return;
  }
  if (how === "kill") {
    for (let index = 0; index < cluster.workerCount; index += 1) {
      cluster.workerProcess(index)?.kill();
    }
  }
  cluster.cancel();
}

/** L6: it ends as it was asked to, or it was over by itself before it heard of it. */
function checkOutcome(result: string, how: RestoreRequest["how"]): void {
  const asked = how === "stop" ? "stopped" : "cancelled";
  if ([asked, "finished"].some((outcome) => result.includes(`"outcome":"${outcome}"`))) return;
  throw new InvariantViolation(`L6: it ended as ${result}`);
}
