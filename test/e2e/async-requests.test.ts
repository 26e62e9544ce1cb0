import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { JobModules } from "./job-modules.ts";
import { describeJob, submitJob, waitForJob } from "./job-state.ts";
import { RealCluster } from "./real-cluster.ts";

const requestCount = 1_000;
const kills = 2;

let modules: JobModules;

beforeAll(async () => {
  modules = await JobModules.create();
});

afterAll(() => modules[Symbol.asyncDispose]());

test(
  "each answer is written once, though workers are killed with requests in flight",
  { timeout: 180_000 },
  async () => {
    await using cluster = await RealCluster.start({ workerCount: 2, slotsPerWorker: 1 });
    const out = join(cluster.folder, "out");
    const path = await modules.add(
      "async-requests.ts",
      `export default defineJob("async-requests", (job) => {
        job.defaults({ checkpoint: { interval: "300 ms", minPause: "50 ms" } });
        const ids = Array.from({ length: ${requestCount} }, (_, id) => id);
        job.source("ids", elements(ids), { rateLimit: 200 })
          .rebalance()
          .asyncMap("answers", async (id, { sleep, attempt }) => {
            await sleep(\`\${100 + (id * 37) % 400} ms\`);
            if (attempt <= id % 3) throw new Error("busy");
            return { id };
          }, { capacity: 500, order: "unordered", retry: { maxAttempts: 4 }, timeout: "1 minute" })
          .sink("board", jsonLines({ path: ${JSON.stringify(out)} }));
      });`,
    );
    const jobId = await submitJob(cluster, path, "--parallelism", "2");
    for (let kill = 0; kill < kills; kill += 1) {
      const { head: before } = await describeJob(cluster, jobId);
      await waitForJob(cluster, jobId, ({ state, head }) => {
        const isNewer = head !== undefined && head.checkpointId !== before?.checkpointId;
        return state === "running" && isNewer;
      });
      await cluster.killWorker(kill % 2);
      cluster.startWorker(kill % 2);
    }
    const { recoveries } = await waitForJob(cluster, jobId, ({ state }) => state === "finished");
    expect(recoveries.length).toBeGreaterThan(0);
    expect(await readIds(join(out, jobId))).toEqual(
      Array.from({ length: requestCount }, (_, id) => id),
    );
  },
);

async function readIds(folder: string): Promise<readonly number[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".jsonl"));
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8")));
  return texts
    .flatMap((text) => text.split("\n").filter((line) => line !== ""))
    .map((line) => (JSON.parse(line) as { id: number }).id)
    .toSorted((left, right) => left - right);
}
