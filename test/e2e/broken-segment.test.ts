import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, test } from "vitest";

import { delaysArgs, delaysModule } from "./hourly-delays.ts";
import { describeJob, submitJob, waitForJob } from "./job-state.ts";
import { RealCluster } from "./real-cluster.ts";

async function flipByte(path: string): Promise<void> {
  const bytes = await readFile(path);
  // Within the blocks: the footer comes behind them.
  const middle = Math.floor(bytes.length / 3);
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  await writeFile(path, bytes);
}

test.each([
  {
    what: "corrupt",
    code: "segment-corrupt",
    damage: flipByte,
    says: "is corrupt: its SHA-256 is",
  },
  { what: "missing", code: "segment-missing", damage: rm, says: "is not in the object store" },
])(
  "a $what segment fails the restore loudly, and every checkpoint stays (S6, S7, F13)",
  async ({ code, damage, says }) => {
    await using cluster = await RealCluster.start({ workerCount: 2, slotsPerWorker: 1 });
    const out = join(cluster.folder, "out");
    const params = { limit: 1_500_000, rate: 20_000, out, checkpointMs: 300 };
    const jobId = await submitJob(cluster, delaysModule, ...delaysArgs(params));
    await waitForJob(cluster, jobId, ({ head }) => Number(head?.checkpointId ?? 0) >= 3);
    await Promise.all([cluster.killWorker(0), cluster.killWorker(1)]);
    const before = await waitForJob(cluster, jobId, ({ state }) => state === "waiting-for-slots");
    const checkpoints = await cluster.command("checkpoints", jobId);
    const published = await readdir(join(out, jobId));
    const objects = join(cluster.folder, "data/objects");
    const checkpointId = before.head?.checkpointId ?? "";
    const segment = await newestSegmentOf(objects, { jobId, checkpointId });

    await damage(join(objects, segment));
    cluster.startWorker(0);
    cluster.startWorker(1);
    const failed = await waitForJob(cluster, jobId, ({ state }) => state === "failed");

    expect(failed.failure?.code).toBe(code);
    const message = failed.failure?.message ?? "";
    expect(message).toContain(`checkpoint ${checkpointId} of job ${jobId} cannot be restored`);
    expect(message).toContain(segment);
    expect(message).toContain(says);
    expect(message).toContain(
      "nothing was started from it, and its checkpoints and its output stay",
    );
    expect(message).toContain("put the object back from a copy if there is one");
    expect(message).toContain("to begin anew, run the job again");
    // One attempt tried to restore; none ran from an older checkpoint, or from the beginning.
    expect(failed.attempt).toBe(before.attempt + 1);
    expect(failed.recoveries).toEqual([]);
    expect(await cluster.command("checkpoints", jobId)).toEqual(checkpoints);
    expect((await describeJob(cluster, jobId)).head).toEqual(before.head);
    expect(await readdir(join(out, jobId))).toEqual(published);
    await readFile(join(objects, await manifestOf(objects, { jobId, checkpointId })));
  },
);

interface Checkpoint {
  readonly jobId: string;
  readonly checkpointId: string;
}

async function manifestOf(objects: string, checkpoint: Checkpoint): Promise<string> {
  const names = await readdir(join(objects, "jobs", checkpoint.jobId), { recursive: true });
  const isManifest = new RegExp(`^\\d+/${checkpoint.checkpointId}/manifest-`);
  const name = names.find((one) => isManifest.test(one));
  if (name === undefined) throw new Error(`checkpoint ${checkpoint.checkpointId} has no manifest`);
  return `jobs/${checkpoint.jobId}/${name}`;
}

/** Returns a segment that the checkpoint itself wrote. */
async function newestSegmentOf(objects: string, checkpoint: Checkpoint): Promise<string> {
  const text = await readFile(join(objects, await manifestOf(objects, checkpoint)), "utf8");
  const { segments } = JSON.parse(text) as {
    segments: { name: string; ownerCheckpointId: string }[];
  };
  const own = segments.find((one) => one.ownerCheckpointId === checkpoint.checkpointId);
  if (own === undefined) throw new Error(`checkpoint ${checkpoint.checkpointId} wrote no segment`);
  return own.name;
}
