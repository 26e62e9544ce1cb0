import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { measureProgress, type Progress } from "../job/measure-progress.ts";
import { BenchCluster } from "../process/bench-cluster.ts";
import { CpuWatch } from "../process/cpu-time.ts";
import { profileSlot } from "../profile/profile-slot.ts";
import { countedRows, foldCounts, type BenchedQuery } from "./counted-rows.ts";

/** A query over so many events at a parallelism. */
export interface QueryCase {
  readonly query: BenchedQuery;
  readonly parallelism: number;
  readonly events: number;
  /** Of event time, from one event to the next. */
  readonly intervalMicros: number;
  readonly checkpointMs: number;
  /** From the first event to the beginning of the warm window. */
  readonly warmUpMs: number;
}

export interface QueryRun extends Progress {
  /** What the rows came to. */
  readonly counted: number;
}

const module = fileURLToPath(new URL("./nexmark-job.ts", import.meta.url));
const finishMs = 600_000;

/**
 * Events of a split: subtasks ask for one after the other. With a split each for all of the run one subtask gets
 * ahead of the other by a third, and what it is ahead by lies in open windows: q8 takes 40 % more CPU by it.
 */
export const splitEvents = 500_000;

/**
 * Runs a query on a cluster of its own and returns what it took; throws where its rows do not come to what is
 * expected. With a file the first worker's slot is profiled in the warm window.
 */
export async function runQuery(
  one: QueryCase,
  expected: number,
  profileFile?: string,
): Promise<QueryRun> {
  const { query, parallelism, events, intervalMicros, checkpointMs, warmUpMs } = one;
  await using cluster = await BenchCluster.start(parallelism);
  const samples = cluster.path("samples");
  await using watch = new CpuWatch(cluster.workerProcessIds());
  // Each split of q12 lingers: see the job.
  const splits =
    query === "q12"
      ? { splits: parallelism, stretchEvents: events }
      : { splits: 1, stretchEvents: splitEvents };
  const params = { query, checkpointMs, samples, events, intervalMicros, ...splits };
  const jobId = await cluster.submit({ module, parallelism, params });
  if (profileFile !== undefined) await profileSlot(cluster, { warmUpMs, file: profileFile });
  await cluster.untilFinished(jobId, finishMs);
  const counted = foldCounts(countedRows(query), await readCounts(samples));
  if (counted !== expected) {
    throw new Error(`the rows of ${query} come to ${counted}, and should come to ${expected}`);
  }
  return { ...(await measureProgress(samples, one, watch)), counted };
}

/** Returns what each sink subtask counted. */
export async function readCounts(samples: string): Promise<readonly number[]> {
  const names = (await readdir(samples)).filter((name) => name.endsWith(".rows"));
  return Promise.all(
    names.map(async (name) => Number(await readFile(join(samples, name), "utf8"))),
  );
}
