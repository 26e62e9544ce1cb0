import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, test } from "vitest";

import { delaysArgs, delaysModule } from "./hourly-delays.ts";
import { submitJob, waitForJob } from "./job-state.ts";
import { RealCluster } from "./real-cluster.ts";
import { runMillrace, type CommandResult } from "./run-millrace.ts";

interface Verified {
  readonly checkpointId: string;
  readonly objectCount: number;
  readonly entryCount: string | number;
  readonly problems: readonly { readonly objectName: string; readonly code: string }[];
}

function verifiedOf({ stdout }: CommandResult): readonly Verified[] {
  return (JSON.parse(stdout) as { checkpoints: readonly Verified[] }).checkpoints;
}

async function startJob(cluster: RealCluster): Promise<string> {
  const out = join(cluster.folder, "out");
  const params = { limit: 1_500_000, rate: 20_000, out, checkpointMs: 300 };
  const jobId = await submitJob(cluster, delaysModule, ...delaysArgs(params));
  await waitForJob(cluster, jobId, ({ head }) => Number(head?.checkpointId ?? 0) >= 4);
  return jobId;
}

async function objectsOf(cluster: RealCluster, jobId: string): Promise<readonly string[]> {
  const folder = join(cluster.folder, "data/objects/jobs", jobId);
  const names = await readdir(folder, { recursive: true });
  return names.filter((name) => /\.(?:segment|json)$/.test(name)).map((name) => join(folder, name));
}

test("verify reads all retained checkpoints of a running job, by the leader; the list has parents", async () => {
  await using cluster = await RealCluster.start({ workerCount: 2, slotsPerWorker: 1 });
  const jobId = await startJob(cluster);
  const where = ["--coordinator", cluster.address];
  const result = await runMillrace("verify", jobId, ...where, "-o", "json");
  expect(result).toMatchObject({ exitCode: 0, stderr: "" });
  const verified = verifiedOf(result);
  // One may be retired meanwhile.
  expect(verified.length).toBeGreaterThanOrEqual(1);
  expect(verified.every(({ problems }) => problems.length === 0)).toBe(true);
  expect(Number(verified[0]?.entryCount)).toBeGreaterThan(0);
  const list = await runMillrace("checkpoints", jobId, ...where);
  expect(list.stdout).toMatch(/^ID +KIND +COMPLETED \(UTC\) +TOOK +NEW +IN ALL +PARENT\n/);
  const rows = list.stdout.split("\n").slice(1, -1);
  const ids = rows.map((row) => row.split(/\s+/)[0]);
  const parents = rows.map((row) => /(\d+)$/.exec(row)?.[1]);
  expect(parents.slice(0, -1)).toEqual(ids.slice(1));
});

test("verify names each object that is wrong and its checkpoints, with and without a coordinator (F13)", async () => {
  await using cluster = await RealCluster.start({ workerCount: 2, slotsPerWorker: 1 });
  const jobId = await startJob(cluster);
  await cluster.killCoordinator();
  await Promise.all([cluster.killWorker(0), cluster.killWorker(1)]);
  const direct = ["verify", jobId, "--data", join(cluster.folder, "data")];
  const whole = await runMillrace(...direct);
  expect(whole).toMatchObject({ exitCode: 0, stderr: "" });
  expect(whole.stdout).toMatch(
    /^ID +KIND +OBJECTS +BLOCKS +READ +ENTRIES +STATE\n(?:.* whole\n)+$/,
  );
  const before = verifiedOf(await runMillrace(...direct, "-o", "json"));
  const newest = before[0]?.checkpointId ?? "";
  const ofNewest = (name: string): boolean => name.includes(`/${newest}/`);
  const objects = await objectsOf(cluster, jobId);
  const segment = objects.find((name) => ofNewest(name) && name.endsWith(".segment")) ?? "";
  const bytes = await readFile(segment);
  await writeFile(segment, bytes.subarray(0, bytes.length - 1));

  const broken = await runMillrace(...direct, "-o", "json");
  expect(broken.exitCode).toBe(1);
  const [head, ...others] = verifiedOf(broken);
  const objectName = segment.slice(segment.indexOf("/objects/") + "/objects/".length);
  expect(head?.problems).toMatchObject([{ objectName, code: "segment-corrupt" }]);
  expect(others.every(({ problems }) => problems.length === 0)).toBe(true);
  const only = await runMillrace(...direct, "--checkpoint", newest);
  expect(only.exitCode).toBe(1);
  expect(only.stdout).toContain(
    `error[segment-corrupt]: checkpoint ${newest}, object ${objectName}: it has ${bytes.length - 1} bytes, ` +
      `the manifest says ${bytes.length}`,
  );

  await rm(segment);
  await cluster.startCoordinator();
  const led = await runMillrace("verify", jobId, "--coordinator", cluster.address);
  expect(led.exitCode).toBe(1);
  expect(led.stdout).toContain(
    `error[segment-missing]: checkpoint ${newest}, object ${objectName}`,
  );
});

test("a checkpoint that is not retained, and a job that is not there, are named", async () => {
  await using cluster = await RealCluster.start({ workerCount: 2, slotsPerWorker: 1 });
  const jobId = await startJob(cluster);
  const missing = await runMillrace(
    "verify",
    jobId,
    "--coordinator",
    cluster.address,
    "--checkpoint",
    "999999",
  );
  expect(missing.exitCode).toBe(2);
  expect(missing.stderr).toContain(`error[not-found]: job ${jobId} has no checkpoint 999999`);
  await cluster.killCoordinator();
  const nobody = await runMillrace("verify", "no-such-job", "--data", join(cluster.folder, "data"));
  expect(nobody.stderr).toContain("error[not-found]: there is no job no-such-job in the metadata");
});
