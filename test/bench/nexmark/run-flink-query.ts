import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";

import type { FlinkCluster } from "../flink/flink-cluster.ts";
import { measureProgress, type Progress } from "../job/measure-progress.ts";
import { CpuWatch } from "../process/cpu-time.ts";
import { readCounts, splitEvents, type QueryCase } from "./run-query.ts";

/** Whether a record may be handed from operator to operator as it is: Flink's default is to copy. */
export interface FlinkMode {
  readonly isReused: boolean;
}

/** What makes Flink warm, besides the warm-up that each run has. */
const warmUpEvents = 15_000_000;

/** Returns after a run that lets the JVMs compile the query. */
export async function warmUpFlinkQuery(cluster: FlinkCluster, one: QueryCase): Promise<void> {
  const samples = await mkdtemp(join(cluster.folder, "warm-up-"));
  const events = Math.min(one.events, warmUpEvents);
  await cluster.run(toArguments({ ...one, events }, { isReused: true }, samples));
}

/** Runs a query on a cluster that runs already; throws where it gives no rows, or not those expected. */
export async function runFlinkQuery(
  cluster: FlinkCluster,
  one: QueryCase,
  { isReused, expected }: FlinkMode & { readonly expected?: number },
): Promise<Progress> {
  const samples = await mkdtemp(join(cluster.folder, "samples-"));
  await using watch = new CpuWatch(cluster.taskManagerProcessIds());
  await cluster.run(toArguments(one, { isReused }, samples));
  const rows = (await readCounts(samples)).reduce((sum, count) => sum + count, 0);
  if (rows === 0 || rows !== (expected ?? rows)) {
    throw new Error(`Flink gives ${rows} rows of ${one.query}, and should give ${expected}`);
  }
  return await measureProgress(samples, one, watch);
}

function toArguments(
  { query, parallelism, events, intervalMicros, checkpointMs }: QueryCase,
  { isReused }: FlinkMode,
  samples: string,
): Readonly<Record<string, string | number>> {
  return {
    job: query,
    p: parallelism,
    n: events,
    step: intervalMicros,
    stretch: splitEvents,
    ckpt: checkpointMs,
    reuse: String(isReused),
    samples,
  };
}
