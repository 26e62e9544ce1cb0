import { expect, test } from "vitest";

import { JobModules } from "./job-modules.ts";
import { submitJob, waitForJob } from "./job-state.ts";
import { RealCluster } from "./real-cluster.ts";

test("an endless loop in a function is found by the watchdog, restarted once, and then ends the job (F23)", async () => {
  await using modules = await JobModules.create();
  await using cluster = await RealCluster.start({
    workerCount: 1,
    slotsPerWorker: 1,
    workerArgs: ["--hung-task-timeout", "2000"],
  });
  const module = await modules.add(
    "loops.ts",
    `export default defineJob("loops", (job) => {
      job.defaults({ restart: { maxFailures: 1 } });
      job.source("letters", elements(["a", "b"])).keyBy((letter) => letter)
        .process("endless", {
          emits: type<string>(),
          state: {},
          onRecord(letter) { for (; letter === "b"; ); },
        }).print();
    });`,
  );
  const jobId = await submitJob(cluster, module, "--parallelism", "1");
  const { failure, attempt } = await waitForJob(cluster, jobId, ({ state }) => state === "failed");
  // The first time it was restarted, in a fresh slot of the same worker.
  expect(attempt).toBe(2);
  expect(failure?.code).toBe("restart-limit");
  expect(failure?.message).toContain("the last failure was task-hung: slot 0");
  expect(failure?.message).toContain("made no progress for 2000 ms in subtask endless/0, with");
  expect(failure?.message).toContain(`of job ${jobId}, attempt 2`);
  expect(failure?.message).toContain("look for an endless loop");
  // The worker has lost nothing but the job's thread.
  const next = await modules.add(
    "ends.ts",
    `export default defineJob("ends", (job) => { job.source("letters", elements(["a"])).print(); });`,
  );
  const nextId = await submitJob(cluster, next, "--parallelism", "1");
  await waitForJob(cluster, nextId, ({ state }) => state === "finished");
});
