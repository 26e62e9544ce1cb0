import { expect, test } from "vitest";

import { parseLogLine } from "../cluster/log-entry.ts";
import { ClusterWatch } from "./cluster-watch.ts";

/** What a log line says besides its time. */
type Line = Readonly<Record<string, unknown>>;

function tell(watch: ClusterWatch, process: string, lines: readonly Line[]): void {
  for (const line of lines) watch.onEntry(parseLogLine(process, JSON.stringify(line), 0));
}

const leads = (leaderEpoch: string, time: number): Line => ({ msg: "leads", leaderEpoch, time });
const job = { jobId: "delays-1" };

test("an attempt is known with its workers, its failure, its records and its checkpoints", () => {
  const watch = new ClusterWatch();
  tell(watch, "coordinator-0", [
    leads("3", 1),
    { msg: "worker registered", workerId: "worker-1", time: 2 },
    {
      ...job,
      msg: "attempt 1 on worker-1, worker-2, from the beginning",
      attempt: 1,
      workers: "worker-1,worker-2",
      time: 3,
    },
    {
      ...job,
      msg: "checkpoint 5 completed in 20 ms: 1 kB new",
      attempt: 1,
      checkpointId: "5",
      totalBytes: 900,
      time: 4,
    },
    { msg: "worker lost", workerId: "worker-1", time: 5 },
    { ...job, msg: "attempt 1 failed: worker-lost", attempt: 1, code: "worker-lost", time: 5 },
  ]);
  tell(watch, "worker-2", [{ msg: "records flow", attempt: 1, subtaskIndex: 0, time: 3.5 }]);
  expect(watch.attempt()).toEqual({
    attempt: 1,
    atMs: 3,
    workers: ["worker-1", "worker-2"],
    failedAtMs: 5,
    failure: "attempt 1 failed: worker-lost",
    flowAtMs: new Map([[0, 3.5]]),
    commits: [{ checkpointId: "5", atMs: 4, totalBytes: 900 }],
  });
  expect([...watch.registered]).toEqual([]);
  expect(watch.losses).toEqual([{ worker: "worker-1", atMs: 5 }]);
});

test("a recovery is read with its checkpoint; one from nothing has none", () => {
  const watch = new ClusterWatch();
  const recovered = { ...job, attempt: 2, durationMs: 80, restoredBytes: 10, sourcePositions: "" };
  tell(watch, "coordinator-0", [
    leads("3", 1),
    { ...recovered, msg: "recovered in 80 ms from checkpoint 5", checkpointId: "5", time: 9 },
    { ...recovered, msg: "recovered in 80 ms from the beginning", restoredBytes: 0, time: 10 },
  ]);
  expect(watch.recoveries.map(({ checkpointId }) => checkpointId)).toEqual(["5", undefined]);
});

test("a deposed leader is not believed, nor one of a lower epoch", () => {
  const watch = new ClusterWatch();
  tell(watch, "coordinator-0", [leads("3", 1)]);
  tell(watch, "coordinator-1", [leads("7", 2)]);
  tell(watch, "coordinator-0", [
    { ...job, msg: "job failed", state: "failed", attempt: 1, time: 3 },
    leads("3", 4),
  ]);
  expect(watch.jobState).toBe("");
  expect(watch.leader()).toMatchObject({ process: "coordinator-1", atMs: 2 });
});

test("a line that is not of the log is an error", () => {
  const watch = new ClusterWatch();
  watch.onEntry(parseLogLine("worker-1", "Error: out of memory", 5));
  expect(watch.errors).toMatchObject([{ process: "worker-1", message: "Error: out of memory" }]);
});

test("waiting says what did not come", async () => {
  const watch = new ClusterWatch();
  await expect(watch.waitUntil("a leader", { limitMs: 20 }, () => false)).rejects.toThrow(
    "a leader: not within 0 s",
  );
});
