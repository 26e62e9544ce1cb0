import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { textField } from "../../chaos/cluster/log-entry.ts";
import { readSamples } from "../job/read-samples.ts";
import { BenchCluster } from "../process/bench-cluster.ts";

/** From the kill, in milliseconds. */
export interface Recovery {
  /** To the first record that a sink of the next attempt gets. */
  readonly firstMs: number;
  /** To the first record at the last of its sinks. */
  readonly allMs: number;
}

export interface RecoveryCase {
  readonly vocabulary: number;
  /** State of each key beside its count. */
  readonly paddingBytes: number;
}

const module = fileURLToPath(new URL("./recovery-job.ts", import.meta.url));
const parallelism = 2;
const checkpointMs = 1_000;
/** Checkpoints behind the one that has all keys first. */
const moreCheckpoints = 3;
const pollMs = 100;
const flowMs = 60_000;

/**
 * Kills one of two workers that work, where a third has nothing to do, and returns how long that took and
 * what was restored. Throws where the job began anew.
 */
export async function recover(
  run: RecoveryCase,
): Promise<Recovery & { readonly restoredBytes: number }> {
  await using cluster = await BenchCluster.start(parallelism + 1);
  const samples = cluster.path("samples");
  const params = { ...run, splits: parallelism, checkpointMs, samples };
  const jobId = await cluster.submit({ module, parallelism, params });
  await untilLoaded(cluster, { jobId, samples, vocabulary: run.vocabulary });
  const [attempt] = cluster.entries(/^attempt \d+ on /);
  if (attempt === undefined) throw new Error("the job runs nowhere");
  const [, worker = ""] = /(\d+)$/.exec(textField(attempt, "workers")) ?? [];
  const killedAtMs = Date.now();
  await cluster.killWorker(Number(worker));
  // Waited for without a look at files, which would take from the recovery's time.
  const recovered = await cluster.until("the recovery", () =>
    cluster.entries(/^recovered in /).at(0),
  );
  if (recovered.fields["checkpointId"] === undefined) throw new Error(recovered.message);
  const times = await untilFlowing(samples, killedAtMs);
  return {
    firstMs: Math.min(...times) - killedAtMs,
    allMs: Math.max(...times) - killedAtMs,
    restoredBytes: Number(recovered.fields["restoredBytes"]),
  };
}

/** Returns once a checkpoint holds every key, and a few more are done. */
async function untilLoaded(
  cluster: BenchCluster,
  job: { readonly jobId: string; readonly samples: string; readonly vocabulary: number },
): Promise<void> {
  for (;;) {
    const sources = await readSamples(job.samples, "source");
    const counts = sources.map((points) => points.at(-1)?.value ?? 0);
    if (counts.length === parallelism && Math.min(...counts) > 1.5 * job.vocabulary) break;
    const before = cluster.checkpoints(job.jobId).length;
    await cluster.until("a checkpoint", () =>
      cluster.checkpoints(job.jobId).length > before ? true : undefined,
    );
  }
  const loaded = cluster.checkpoints(job.jobId).length;
  await cluster.until("checkpoints", () =>
    cluster.checkpoints(job.jobId).length >= loaded + moreCheckpoints ? true : undefined,
  );
}

/** Returns when each sink of the next attempt got its first record, in epoch time. */
async function untilFlowing(samples: string, killedAtMs: number): Promise<readonly number[]> {
  const giveUpAtMs = performance.now() + flowMs;
  while (performance.now() < giveUpAtMs) {
    const sinks = await readSamples(samples, "sink");
    // A sink counts from 1 in each attempt.
    const times = sinks.flatMap(
      (points) => points.find(({ atMs, value }) => atMs > killedAtMs && value === 1)?.atMs ?? [],
    );
    if (times.length === parallelism) return times;
    await delay(pollMs);
  }
  throw new Error(`records did not flow again within ${flowMs / 1_000} s`);
}
