import { expect, test } from "vitest";

import type { InjectedFault } from "../faults/inject-fault.ts";
import type { FaultAction } from "../faults/schedule.ts";
import { ClusterWatch, type AttemptView } from "./cluster-watch.ts";
import { hasRecovered, measureRecovery } from "./measure-recovery.ts";

const parallelism = 2;

function attemptOf(attempt: number, over: Partial<AttemptView> = {}): AttemptView {
  const workers = ["worker-0", "worker-1"];
  return { attempt, atMs: 0, workers, flowAtMs: new Map(), commits: [], ...over };
}

function commitAt(atMs: number): AttemptView["commits"][number] {
  return { checkpointId: "1", atMs, totalBytes: 1 };
}

function watchOf(...attempts: readonly AttemptView[]): ClusterWatch {
  const watch = new ClusterWatch();
  for (const attempt of attempts) watch.attempts.set(attempt.attempt, attempt);
  return watch;
}

function faultOf(action: FaultAction, endedAtMs = 1_000): InjectedFault {
  const target = action.kind === "kill-worker" ? "worker-1" : "";
  return {
    action,
    target,
    startedAtMs: 1_000,
    endedAtMs,
    attemptBefore: 1,
    leaderBefore: "coordinator-0",
  };
}

const killWorker = faultOf({ kind: "kill-worker", victim: 0 });
const flowing = new Map([
  [0, 1_900],
  [1, 2_100],
]);

test("a killed worker's last checkpoint is no recovery: it takes another attempt", () => {
  const first = attemptOf(1, { flowAtMs: flowing, commits: [commitAt(1_010)] });
  expect(hasRecovered(watchOf(first), killWorker, parallelism)).toBe(false);
  const second = attemptOf(2, { flowAtMs: flowing, commits: [commitAt(2_500)] });
  expect(hasRecovered(watchOf(first, second), killWorker, parallelism)).toBe(true);
});

test("an attempt of which a source stands still, or that has no checkpoint yet, is no recovery", () => {
  const halfway = attemptOf(2, { flowAtMs: new Map([[0, 1_900]]), commits: [commitAt(2_500)] });
  expect(hasRecovered(watchOf(halfway), killWorker, parallelism)).toBe(false);
  const uncut = attemptOf(2, { flowAtMs: flowing });
  expect(hasRecovered(watchOf(uncut), killWorker, parallelism)).toBe(false);
});

test("after a pause the same attempt may go on, with a checkpoint that ended later", () => {
  const pause = faultOf({ kind: "pause-worker", victim: 0, durationMs: 3_000 }, 4_000);
  const attempt = attemptOf(1, { flowAtMs: flowing, commits: [commitAt(3_500)] });
  expect(hasRecovered(watchOf(attempt), pause, parallelism)).toBe(false);
  attempt.commits.push(commitAt(4_200));
  expect(hasRecovered(watchOf(attempt), pause, parallelism)).toBe(true);
});

test("after the kill of a leader there must be another", () => {
  const kill = faultOf({ kind: "kill-leader" });
  const watch = watchOf(attemptOf(2, { flowAtMs: flowing, commits: [commitAt(9_000)] }));
  watch.leadings.push({ process: "coordinator-0", leaderEpoch: 1n, atMs: 500 });
  expect(hasRecovered(watch, kill, parallelism)).toBe(false);
  watch.leadings.push({ process: "coordinator-1", leaderEpoch: 2n, atMs: 6_000 });
  expect(hasRecovered(watch, kill, parallelism)).toBe(true);
  expect(measureRecovery(watch, kill, parallelism)).toMatchObject({ ledMs: 5_000 });
});

test("times count from the kill: the first sign of it, the last source, the next checkpoint", () => {
  const watch = watchOf(
    attemptOf(1, { failedAtMs: 1_040 }),
    attemptOf(2, { flowAtMs: new Map([[0, 1_500]]), failedAtMs: 1_600 }),
    attemptOf(3, { flowAtMs: flowing, commits: [commitAt(2_700)] }),
  );
  watch.losses.push({ worker: "worker-1", atMs: 900 }, { worker: "worker-1", atMs: 1_060 });
  expect(measureRecovery(watch, killWorker, parallelism)).toEqual({
    noticedMs: 40,
    resumedMs: 1_100,
    checkpointMs: 1_700,
  });
});
