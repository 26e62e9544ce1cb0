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
import { runMillrace } from "./run-millrace.ts";

const rowLimit = 300_000;
const rowsPerSecond = 40_000;

test(
  "a job that was killed at parallelism 2 goes on at 3 from its latest checkpoint, and nothing is lost or double",
  { timeout: 240_000 },
  async () => {
    await using cluster = await RealCluster.start({ workerCount: 3, slotsPerWorker: 1 });
    const out = join(cluster.folder, "out");
    const params = { limit: rowLimit, rate: rowsPerSecond, out, checkpointMs: 500 };
    const first = await submitJob(cluster, delaysModule, ...delaysArgs(params));
    await waitForJob(cluster, first, ({ head }) => Number(head?.checkpointId ?? 0) >= 3);
    await cluster.killWorker(0);
    await cluster.killWorker(1);
    await cluster.command("cancel", first);
    const { head } = await waitForJob(cluster, first, ({ state }) => state === "cancelled");
    cluster.startWorker(0);
    cluster.startWorker(1);

    const given = delaysArgs(params).toSpliced(0, 2, "--parallelism", "3", "--from", first);
    const second = await submitJob(cluster, delaysModule, ...given);
    const logs = runMillrace("logs", "--follow", second, "--coordinator", cluster.address);
    await waitForJob(cluster, second, ({ state }) => state === "finished");
    expect((await logs).stdout).toContain(`from checkpoint ${head?.checkpointId} of job ${first}`);

    const before = await readHourlyDelays(join(out, first));
    const after = await readHourlyDelays(join(out, second));
    expect(before.length).toBeGreaterThan(0);
    expect(after.length).toBeGreaterThan(0);
    expect([...before, ...after].toSorted()).toEqual(await expectedHourlyDelays(rowLimit));

    const still = ["run", "packages/examples/src/textbook/textbook.ts", "--from", second];
    const other = await runMillrace(...still, "--coordinator", cluster.address);
    expect(other.exitCode).toBe(1);
    expect(other.stderr).toContain("error[state-incompatible]");
    expect(other.stderr).toContain("--allow-dropped-state");
  },
);
