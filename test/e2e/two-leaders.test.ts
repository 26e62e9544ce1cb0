import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

import { openEtcdMetadataStore } from "@millrace/metadata";
import { createNodeClock } from "@millrace/platform";
import { expect, test } from "vitest";

import { startEtcd } from "../servers/etcd.ts";
import {
  delaysArgs,
  delaysModule,
  expectedHourlyDelays,
  readHourlyDelays,
} from "./hourly-delays.ts";
import { submitJob, waitForJob } from "./job-state.ts";
import { RealCluster } from "./real-cluster.ts";

const rowLimit = 600_000;

test(
  "a leader that is woken after its lease writes nothing more and steps down (S1, F6)",
  { timeout: 1_200_000 },
  async () => {
    await using etcd = await startEtcd();
    await using cluster = await RealCluster.start({
      workerCount: 2,
      slotsPerWorker: 1,
      coordinatorCount: 2,
      metadata: `etcd://${etcd.endpoints.join(",")}/two-leaders`,
    });
    const out = join(cluster.folder, "out");
    const params = { limit: rowLimit, rate: 30_000, out, checkpointMs: 500 };
    const jobId = await submitJob(cluster, delaysModule, ...delaysArgs(params));
    await waitForJob(cluster, jobId, ({ head }) => head !== undefined);
    cluster.pauseCoordinator(0);
    await until(cluster, /"msg":"leads"/, 2);
    await waitForJob(cluster, jobId, ({ attempt, state }) => attempt === 2 && state === "running");
    await using store = await openEtcdMetadataStore({
      endpoints: etcd.endpoints,
      root: "two-leaders/",
      clock: createNodeClock(),
    });
    const attempts = new Set<unknown>();
    using _watch = store.watch("millrace/jobs/", (await store.list("")).revision, {
      onChange: (key, entry) => {
        if (entry !== undefined) attempts.add(attemptOf(key, entry.value));
      },
      onLost: (cause) => attempts.add(cause),
    });
    cluster.resumeCoordinator(0);
    await until(cluster, /"msg":"steps down"/, 1);
    // It stands by again, behind the one that leads.
    await until(cluster, /"msg":"stands by"/, 2);
    const job = await waitForJob(cluster, jobId, ({ state }) => state === "finished");
    expect(job.attempt).toBe(2);
    // Whatever was written since the old leader woke up was the new leader's.
    expect([...attempts]).toEqual([2]);
    expect(await readHourlyDelays(join(out, jobId))).toEqual(await expectedHourlyDelays(rowLimit));
  },
);

/** The attempt that a written record belongs to; records of the job's end have none. */
function attemptOf(key: string, value: string): unknown {
  const record: unknown = JSON.parse(value);
  const attempt: unknown =
    typeof record === "object" && record !== null && Reflect.get(record, "attempt");
  return attempt === undefined && key.endsWith("/result") ? 2 : attempt;
}

async function until(cluster: RealCluster, line: RegExp, count: number): Promise<void> {
  while (cluster.log.filter((entry) => line.test(entry)).length < count) await wait(50);
}
