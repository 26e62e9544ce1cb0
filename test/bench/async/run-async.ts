import { fileURLToPath } from "node:url";

import { textField } from "../../chaos/cluster/log-entry.ts";
import { readSamples } from "../job/read-samples.ts";
import { BenchCluster } from "../process/bench-cluster.ts";
import { CpuWatch } from "../process/cpu-time.ts";
import { checkAnswers } from "./answers-sink.ts";

export interface AsyncCase {
  readonly order: "ordered" | "unordered";
  /** In flight at a time. */
  readonly capacity: number;
  readonly answerMs: number;
  readonly requests: number;
  /** Nothing counts before. */
  readonly warmUpMs: number;
}

export interface AsyncRun {
  readonly answersPerSecond: number;
  readonly cpuUsPerAnswer: number;
  /** Of the share of time that answers were published in. */
  readonly windowMs: number;
}

const module = fileURLToPath(new URL("./async-job.ts", import.meta.url));
const checkpointMs = 1_000;
const finishMs = 300_000;

/** Returns how fast one subtask is answered; throws unless each answer is published exactly once. */
export async function runAsync({ warmUpMs, ...run }: AsyncCase): Promise<AsyncRun> {
  await using cluster = await BenchCluster.start(1);
  const samples = cluster.path("samples");
  await using watch = new CpuWatch(cluster.workerProcessIds());
  const jobId = await cluster.submit({
    module,
    parallelism: 1,
    params: { ...run, checkpointMs, samples },
  });
  await cluster.untilFinished(jobId, finishMs);
  await checkAnswers({ requests: run.requests, samples });
  const [points = []] = await readSamples(samples, "sink");
  const startMs = points[0]?.atMs ?? 0;
  // As long as requests are begun: at the end fewer and fewer are open.
  const full = points.filter(
    ({ atMs, value }) => atMs >= startMs + warmUpMs && value <= run.requests - run.capacity,
  );
  const [from, to] = [full[0], full.at(-1)];
  if (from === undefined || to === undefined || to.atMs - from.atMs < 1_000) {
    throw new Error("the run ended before there was enough to measure");
  }
  const windowMs = to.atMs - from.atMs;
  const answers = to.value - from.value;
  return {
    answersPerSecond: (answers * 1_000) / windowMs,
    cpuUsPerAnswer: (watch.between(from.atMs, to.atMs) * 1_000) / answers,
    windowMs,
  };
}

/**
 * Kills the worker that runs the job, behind three checkpoints, and returns how many bytes of requests in
 * flight were restored; throws unless each answer is published exactly once.
 */
export async function killAsync({ warmUpMs: _unused, ...run }: AsyncCase): Promise<number> {
  await using cluster = await BenchCluster.start(2);
  const samples = cluster.path("samples");
  const jobId = await cluster.submit({
    module,
    parallelism: 1,
    params: { ...run, checkpointMs, samples },
  });
  await cluster.until("three checkpoints", () =>
    cluster.checkpoints(jobId).length >= 3 ? true : undefined,
  );
  const [attempt] = cluster.entries(/^attempt \d+ on /);
  if (attempt === undefined) throw new Error("the job runs nowhere");
  const [, worker = ""] = /(\d+)$/.exec(textField(attempt, "workers")) ?? [];
  await cluster.killWorker(Number(worker));
  const recovered = await cluster.until("the recovery", () =>
    cluster.entries(/^recovered in /).at(0),
  );
  if (recovered.fields["checkpointId"] === undefined) throw new Error(recovered.message);
  await cluster.untilFinished(jobId, finishMs);
  await checkAnswers({ requests: run.requests, samples });
  return Number(recovered.fields["restoredBytes"]);
}
