import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

import { expect, test } from "vitest";

import {
  delaysArgs,
  delaysModule,
  expectedHourlyDelays,
  readHourlyDelays,
} from "./hourly-delays.ts";
import { describeJob, submitJob } from "./job-state.ts";
import { RealCluster } from "./real-cluster.ts";

const rowLimit = 1_500_000;
const rowsPerSecond = 20_000;
/** Of the Parquet file. */
const rowsPerGroup = 272_727;
const workerKills = 10;
const coordinatorKills = 3;

/** Uniform, and printed so that a failure can be looked at; which moment is hit stays random. */
function below(limit: number): number {
  return Math.floor(Math.random() * limit);
}

test("13 kills of real processes change nothing in the output", { timeout: 300_000 }, async () => {
  await using cluster = await RealCluster.start({ workerCount: 2, slotsPerWorker: 1 });
  const out = join(cluster.folder, "out");
  const params = { limit: rowLimit, rate: rowsPerSecond, out, checkpointMs: 500 };
  const jobId = await submitJob(cluster, delaysModule, ...delaysArgs(params));
  await waitUntil(async () => (await describeJob(cluster, jobId)).head !== undefined);

  const victims = [
    ...Array.from({ length: workerKills }, () => "worker" as const),
    ...Array.from({ length: coordinatorKills }, () => "coordinator" as const),
  ].toSorted(() => below(2) - 0.5);
  for (const victim of victims) {
    await wait(1_500 + below(2_500));
    await killAndRestart(cluster, victim);
  }
  await waitUntil(async () => (await describeJob(cluster, jobId)).state === "finished");

  const recoveries = recoveriesOf(cluster);
  for (const { message } of recoveries) {
    process.stdout.write(`${message}: ${rowsSkipped(message)} rows skipped\n`);
  }
  const fromState = recoveries.filter(
    ({ checkpointId, restoredBytes }) => checkpointId !== undefined && restoredBytes > 0,
  );
  expect(fromState.length).toBeGreaterThanOrEqual(10);
  expect(await readdir(join(out, jobId, ".staging"))).toEqual([]);
  expect(await readHourlyDelays(join(out, jobId))).toEqual(await expectedHourlyDelays(rowLimit));
});

async function killAndRestart(
  cluster: RealCluster,
  victim: "worker" | "coordinator",
): Promise<void> {
  if (victim === "coordinator") {
    await cluster.killCoordinator();
    await wait(below(1_000));
    await cluster.startCoordinator();
    return;
  }
  const index = below(2);
  await cluster.killWorker(index);
  await wait(below(500));
  cluster.startWorker(index);
}

async function waitUntil(isTrue: () => Promise<boolean>): Promise<void> {
  // A coordinator that was just killed cannot answer: that is no failure of this test.
  while (!(await isTrue().catch(() => false))) await wait(500);
}

interface Recovery {
  readonly message: string;
  readonly checkpointId: unknown;
  readonly restoredBytes: number;
}

/** A split is a row group, and they are read in order: those before an open one are behind us. */
function rowsSkipped(message: string): number {
  const open = [...message.matchAll(/#(\d+) at (\d+)/g)].map(([, group, row]) => ({
    group: Number(group),
    row: Number(row),
  }));
  const last = Math.max(0, ...open.map(({ group }) => group));
  const finished = last + 1 - open.length;
  return open.reduce((sum, { row }) => sum + row, finished * rowsPerGroup);
}

/** The coordinators' own account: one line of their log for each recovery. */
function recoveriesOf(cluster: RealCluster): readonly Recovery[] {
  return cluster.log.flatMap((line) => {
    const entry: Record<string, unknown> = line.startsWith("{") ? JSON.parse(line) : {};
    const { msg: message, checkpointId, restoredBytes } = entry;
    if (typeof message !== "string" || !message.startsWith("recovered in ")) return [];
    return [{ message, checkpointId, restoredBytes: Number(restoredBytes ?? 0) }];
  });
}
