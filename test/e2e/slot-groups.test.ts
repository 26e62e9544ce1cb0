import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, test } from "vitest";

import { JobModules } from "./job-modules.ts";
import { submitJob, waitForJob } from "./job-state.ts";
import { RealCluster } from "./real-cluster.ts";
import { runMillrace } from "./run-millrace.ts";

const code = `
export default defineJob("groups", (job, params) => {
  job
    .source("in", elements(Array.from({ length: 400 }, (_, n) => n)), { rateLimit: 100 })
    .map((n) => ({ n }), { name: "heavy" })
    .slotSharingGroup("heavy")
    .keyBy(({ n }) => n % 5)
    .count("counts")
    .sink("out", jsonLines({ path: params.out }), { slotSharingGroup: "default" });
});
`;

interface Described {
  readonly state: string;
  readonly subtasks: readonly {
    readonly subtaskId: string;
    readonly workerId: string;
    readonly slotIndex: number;
  }[];
}

test(
  "operators of two slot sharing groups run in slots of their own, and the job says how many it needs",
  { timeout: 120_000 },
  async () => {
    await using modules = await JobModules.create();
    const module = await modules.add("groups.ts", code);
    await using cluster = await RealCluster.start({ workerCount: 1, slotsPerWorker: 3 });
    const out = join(cluster.folder, "out");
    const given = ["--parallelism", "2", "--param", `out=${out}`];
    const jobId = await submitJob(cluster, module, ...given);
    const waits = ({ detail = "" }): boolean => detail.includes("needs 4 slots, 3 free");
    await waitForJob(cluster, jobId, waits);
    // Another one joins: now there are enough.
    cluster.startWorker(1);
    await waitForJob(cluster, jobId, ({ state }) => state === "running");
    const where = ["--coordinator", cluster.address, "-o", "json"];
    const described = await runMillrace("describe", jobId, ...where);
    const { subtasks }: Described = JSON.parse(described.stdout);
    const bySlot = Map.groupBy(subtasks, ({ workerId, slotIndex }) => `${workerId}:${slotIndex}`);
    const slots = [...bySlot.values()].map((slot) =>
      slot.map(({ subtaskId }) => subtaskId).join(" "),
    );
    expect(new Set(slots)).toEqual(
      new Set(["heavy/0 counts/0", "heavy/1 counts/1", "in/0 out/0", "in/1 out/1"]),
    );
    await waitForJob(cluster, jobId, ({ state }) => state === "finished");
    const folder = join(out, jobId);
    const files = (await readdir(folder)).filter((name) => name.endsWith(".jsonl"));
    const texts = await Promise.all(files.map((name) => readFile(join(folder, name), "utf8")));
    expect(texts.join("").trimEnd().split("\n")).toHaveLength(400);
  },
);
