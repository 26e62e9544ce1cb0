import type { StreamError } from "@millrace/core";
import { expect, test } from "vitest";

import { ManualClock } from "../test-kit/manual-clock.ts";
import { MemoryProcessHost } from "../test-kit/memory-process-host.ts";
import { Supervisor } from "./supervisor.ts";

const killed = { kind: "signalled", signal: "SIGKILL" } as const;
const crashed = { kind: "exited", exitCode: 1 } as const;

interface Bench {
  readonly supervisor: Supervisor;
  readonly host: MemoryProcessHost;
  readonly clock: ManualClock;
  readonly told: string[];
  readonly failures: StreamError[];
}

function createBench(...names: readonly string[]): Bench {
  const [clock, host] = [new ManualClock(), new MemoryProcessHost()];
  const told: string[] = [];
  const failures: StreamError[] = [];
  const supervisor = new Supervisor(
    { clock, host },
    {
      onStart: (name, processId, isRestart) =>
        told.push(`${name} ${isRestart ? "restarted" : "started"} ${processId}`),
      onExit: (name, processId, how) => told.push(`${name} ${processId} ${how}`),
      onFailure: (error) => failures.push(error),
    },
  );
  for (const name of names) supervisor.add({ name, args: [name], logFile: `/${name}.log` });
  return { supervisor, host, clock, told, failures };
}

test("every process is started at once and its id is told", () => {
  const { told, host } = createBench("coordinator", "worker-1");
  expect(told).toEqual(["coordinator started 101", "worker-1 started 102"]);
  expect(host.running().map(({ spec }) => spec.args)).toEqual([["coordinator"], ["worker-1"]]);
});

test("a killed process is started again at once with the same command line, the others stay", () => {
  const { told, host, failures } = createBench("coordinator", "worker-1");
  const before = host.latest("worker-1");
  before.exit(killed);
  expect(told.slice(2)).toEqual(["worker-1 102 was ended by SIGKILL", "worker-1 restarted 103"]);
  expect(host.latest("worker-1").spec).toBe(before.spec);
  expect(host.running().map(({ processId }) => processId)).toEqual([101, 103]);
  expect(failures).toEqual([]);
});

test("kills are never a crash loop, however many and however quick", () => {
  const { host, failures } = createBench("worker-1");
  for (let round = 0; round < 20; round += 1) host.latest("worker-1").exit(killed);
  expect(host.processes).toHaveLength(21);
  expect(failures).toEqual([]);
});

test("the fifth quick end in a row is a failure that shows the end of the log (L6)", () => {
  const { host, clock, failures } = createBench("coordinator", "worker-1");
  host.logs.set("worker-1", "cannot read the data folder");
  for (let round = 1; round <= 5; round += 1) {
    expect(failures).toEqual([]);
    clock.advance(999);
    host.latest("worker-1").exit(crashed);
  }
  expect(failures).toMatchObject([
    {
      code: "unavailable",
      message:
        "worker-1 cannot be kept running, it ended with exit code 1\ncannot read the data folder",
    },
  ]);
  expect(host.processes.filter(({ spec }) => spec.name === "worker-1")).toHaveLength(5);
  clock.advance(60_000);
  expect(host.running().map(({ spec }) => spec.name)).toEqual(["coordinator"]);
});

test.each([
  ["lived for a second", (bench: Bench) => bench.clock.advance(1_000), crashed],
  ["was killed", () => {}, killed],
] as const)("a process that %s ends a row of quick ends", (_what, before, cause) => {
  const bench = createBench("worker-1");
  const { host, failures } = bench;
  for (let round = 0; round < 4; round += 1) host.latest("worker-1").exit(crashed);
  before(bench);
  host.latest("worker-1").exit(cause);
  for (let round = 0; round < 4; round += 1) host.latest("worker-1").exit(crashed);
  expect(failures).toEqual([]);
  host.latest("worker-1").exit(crashed);
  expect(failures).toHaveLength(1);
});

test("quick ends are counted for each process apart", () => {
  const { host, failures } = createBench("worker-1", "worker-2");
  for (let round = 0; round < 4; round += 1) {
    host.latest("worker-1").exit(crashed);
    host.latest("worker-2").exit(crashed);
  }
  expect(failures).toEqual([]);
});

test("a process that cannot be started is a failure at once", () => {
  const { host, failures } = createBench("worker-1");
  host.latest("worker-1").exit({ kind: "not-started", reason: "spawn EAGAIN" });
  expect(failures[0]?.message).toBe(
    "worker-1 cannot be kept running, it could not be started: spawn EAGAIN",
  );
  expect(host.processes).toHaveLength(1);
});

test("stop asks all, returns when all are gone, and starts nothing again", async () => {
  const { supervisor, host, clock, told } = createBench("coordinator", "worker-1");
  await supervisor.stop();
  expect(host.processes.every(({ wasAsked }) => wasAsked)).toBe(true);
  expect(host.running()).toEqual([]);
  expect(told).toHaveLength(2);
  expect(clock.timerCount()).toBe(0);
  await supervisor.stop();
});

test("stop ends what does not end within three seconds, and only then", async () => {
  const { supervisor, host, clock } = createBench("coordinator", "worker-1");
  const stubborn = host.latest("worker-1");
  stubborn.isObedient = false;
  const stopped = supervisor.stop();
  clock.advance(2_999);
  await Promise.resolve();
  expect(host.running()).toEqual([stubborn]);
  clock.advance(1);
  await stopped;
  expect(host.running()).toEqual([]);
});

test("what ends after an end is expected is not told nor started again", async () => {
  const { supervisor, host, told, failures } = createBench("coordinator", "worker-1");
  supervisor.expectEnd();
  host.latest("worker-1").exit(crashed);
  expect(host.processes).toHaveLength(2);
  await supervisor.stop();
  expect(told).toHaveLength(2);
  expect(failures).toEqual([]);
});

test("kill ends all at once, without asking", async () => {
  const { supervisor, host } = createBench("coordinator", "worker-1");
  for (const process of host.processes) process.isObedient = false;
  supervisor.kill();
  await supervisor.stop();
  expect(host.running()).toEqual([]);
});
