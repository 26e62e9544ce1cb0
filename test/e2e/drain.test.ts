import { join } from "node:path";

import { expect, test } from "vitest";

import {
  delaysArgs,
  delaysModule,
  expectedHourlyDelays,
  readHourlyDelays,
} from "./hourly-delays.ts";
import { submitJob, waitForJob } from "./job-state.ts";
import { RealCluster } from "./real-cluster.ts";

const rowLimit = 600_000;

test("a worker that gets SIGTERM hands over by a checkpoint and exits with 0 (F31)", async () => {
  await using cluster = await RealCluster.start({ workerCount: 2, slotsPerWorker: 1 });
  const out = join(cluster.folder, "out");
  // No checkpoint but the one of the hand-over.
  const params = { limit: rowLimit, rate: 60_000, out, checkpointMs: 600_000 };
  const jobId = await submitJob(cluster, delaysModule, ...delaysArgs(params));
  await waitForJob(cluster, jobId, ({ state }) => state === "running");
  cluster.startWorker(2);
  expect(await cluster.terminateWorker(0)).toBe(0);
  const { recoveries, attempt } = await waitForJob(
    cluster,
    jobId,
    ({ state }) => state === "finished",
  );
  expect(attempt).toBe(2);
  expect(recoveries).toMatchObject([
    { cause: expect.stringContaining("worker worker-0 drains"), checkpointId: "1" },
  ]);
  expect(await readHourlyDelays(join(out, jobId))).toEqual(await expectedHourlyDelays(rowLimit));
});
