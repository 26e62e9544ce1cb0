import { silentLogger, StreamError, toFailureData } from "@millrace/core";
import type { WorkerMessage } from "@millrace/rpc";
import { expect, test } from "vitest";

import { FakeNetwork } from "../test-kit/fake-coordinator.ts";
import { VirtualTime } from "../test-kit/virtual-time.ts";
import { refOf, testConfig, workerId } from "../test-kit/worker-world.ts";
import type { WorkerConfig } from "../worker-config.ts";
import { createWorkerCounters } from "../worker-counters.ts";
import { LeaderSession } from "./leader-session.ts";

const registration: WorkerMessage = {
  kind: "register",
  protocolVersion: 1,
  version: "1",
  workerId,
  incarnation: "i",
  processId: 1,
  slots: [],
  running: [],
};

class World {
  readonly time = new VirtualTime();
  readonly network = new FakeNetwork();
  readonly counters = createWorkerCounters();
  readonly heard: string[] = [];
  readonly logged: string[] = [];
  readonly session: LeaderSession;
  stopped: StreamError | undefined;

  constructor(over: Partial<WorkerConfig> = {}) {
    this.session = new LeaderSession({
      network: this.network,
      clock: this.time.clock,
      random: { uint32: () => 2 ** 32 - 1 },
      logger: {
        ...silentLogger,
        log: (level, _text, fields) => this.logged.push(`${level} ${String(fields?.["cause"])}`),
      },
      config: testConfig(over),
      counters: this.counters,
      handlers: {
        register: () => registration,
        heartbeat: () => ({ kind: "heartbeat", sentAtMs: this.time.nowMs(), subtasks: [] }),
        onWelcome: ({ leaderEpoch }) => this.heard.push(`welcome ${leaderEpoch}`),
        onMessage: ({ kind }) => this.heard.push(kind),
        onLost: () => this.heard.push("lost"),
        onStopped: (error) => (this.stopped = error),
      },
    });
    this.session.start();
  }

  peers(): readonly string[] {
    return this.network.sessions.map(({ peer }) => peer);
  }
}

test("it registers, is welcomed, and hands messages on", () => {
  const world = new World();
  const session = world.network.session();
  expect(session.received).toMatchObject([{ kind: "register", workerId: "w1" }]);
  session.deliver({ kind: "start", ref: refOf() });
  session.welcome();
  session.deliver({ kind: "start", ref: refOf() });
  expect(world.heard).toEqual(["welcome 7", "start"]);
  expect(world.session.isConnected()).toBe(true);
});

test("SEC3: a refused certificate is said aloud, now and then, and at the end", async () => {
  const world = new World({ orphanTimeoutMs: 70_000 });
  const message = "the certificate of the coordinator expired";
  while (world.stopped === undefined) {
    const error = new StreamError("tls-failed", message, { domain: "external", retry: "never" });
    const sessionCount = world.network.sessions.length;
    world.network.session().break(error);
    await world.time.runUntil(
      () => world.network.sessions.length > sessionCount || world.stopped !== undefined,
    );
  }
  expect(world.network.sessions.length).toBeGreaterThan(30);
  expect(world.logged.filter((line) => line === `warn ${message}`)).toHaveLength(3);
  expect(world.stopped?.message).toMatch(/has led for 70000 ms; at last the certificate of/);
});

test("after a break it tries the addresses in turn, waiting from 100 ms to 0.5 s: a new leader is found soon", async () => {
  const world = new World({ coordinatorAddresses: ["a:1", "b:1"] });
  const waits: number[] = [];
  for (let count = 0; count < 8; count += 1) {
    const brokenAt = world.time.nowMs();
    const sessionCount = world.network.sessions.length;
    world.network.session().break(new Error("refused"));
    await world.time.runUntil(() => world.network.sessions.length > sessionCount);
    waits.push(world.time.nowMs() - brokenAt);
  }
  expect(world.peers().slice(0, 4)).toEqual(["a:1", "b:1", "a:1", "b:1"]);
  expect(waits).toEqual([100, 200, 400, 500, 500, 500, 500, 500]);
});

test("a welcome makes the waits short again, and the loss is told", async () => {
  const world = new World();
  for (let count = 0; count < 4; count += 1) {
    world.network.session().break();
    await world.time.run(2_000);
  }
  world.network.session().welcome();
  world.network.session().break();
  expect(world.heard).toEqual(["welcome 7", "lost"]);
  const sessionCount = world.network.sessions.length;
  await world.time.run(101);
  expect(world.network.sessions.length).toBe(sessionCount + 1);
});

test("a coordinator that does not answer the registration is left after 5 s", async () => {
  const world = new World();
  const session = world.network.session();
  await world.time.run(4_999);
  expect(session.isClosed).toBe(false);
  await world.time.run(200);
  expect(session.isClosed).toBe(true);
  expect(world.network.sessions.length).toBe(2);
});

test("heartbeats leave each interval, until the session ends", async () => {
  const world = new World();
  const session = world.network.session();
  session.welcome();
  await world.time.run(3_500);
  expect(session.ofKind("heartbeat").length).toBe(3);
  session.break();
  await world.time.run(3_500);
  expect(session.ofKind("heartbeat").length).toBe(3);
});

test("a coordinator that answered heartbeats and falls silent is lost (F7)", async () => {
  const world = new World();
  const session = world.network.session();
  session.welcome();
  await world.time.run(1_100);
  session.welcome();
  await world.time.run(4_500);
  expect(session.isClosed).toBe(false);
  await world.time.run(1_500);
  expect(session.isClosed).toBe(true);
  expect(world.heard).toEqual(["welcome 7", "lost"]);
});

test("a coordinator that never answers heartbeats is not lost for its silence", async () => {
  const world = new World();
  world.network.session().welcome();
  await world.time.run(60_000);
  expect(world.network.session().isClosed).toBe(false);
});

test("a leader epoch lower than one known is a deposed coordinator (S2)", async () => {
  const world = new World();
  world.network.session().welcome(9n);
  world.network.session().break();
  await world.time.run(200);
  const deposed = world.network.session();
  deposed.welcome(8n);
  expect(deposed.isClosed).toBe(true);
  expect(world.counters.messagesStale).toBe(1);
  await world.time.run(300);
  world.network.session().welcome(9n);
  expect(world.heard).toEqual(["welcome 9", "lost", "welcome 9"]);
});

test("what an ended session still says is not heard", async () => {
  const world = new World();
  const first = world.network.session();
  first.welcome();
  first.break();
  first.deliver({ kind: "start", ref: refOf() });
  first.break();
  await world.time.run(150);
  expect(world.heard).toEqual(["welcome 7", "lost"]);
  expect(world.network.sessions.length).toBe(2);
});

test("a message that cannot be read ends the session", () => {
  const world = new World();
  world.network.session().welcome();
  world.network.session().deliverBytes(Uint8Array.of(255, 255, 255));
  expect(world.network.session().isClosed).toBe(true);
  expect(world.heard).toEqual(["welcome 7", "lost"]);
});

test.each(["version-skew", "stale"] as const)("refused with %s it stops for good", async (code) => {
  const world = new World();
  const error = new StreamError(code, "no", { domain: "user", retry: "never" });
  world.network.session().deliver({ kind: "refused", failure: toFailureData(error) });
  await world.time.run(10_000);
  expect(world.stopped).toMatchObject({ code });
  expect(world.network.sessions.length).toBe(1);
  expect(world.time.timerCount()).toBe(0);
});

test("refused because another one leads, it goes on looking", async () => {
  const world = new World();
  const error = new StreamError("unavailable", "no leader", {
    domain: "external",
    retry: "backoff",
  });
  world.network.session().deliver({ kind: "refused", failure: toFailureData(error) });
  await world.time.run(200);
  expect(world.network.sessions.length).toBe(2);
});

test("without a leader for the orphan timeout it stops; a welcome begins the time anew", async () => {
  const world = new World({ orphanTimeoutMs: 30_000 });
  await world.time.run(20_000);
  world.network.session().welcome();
  await world.time.run(40_000);
  expect(world.stopped).toBeUndefined();
  world.network.session().break();
  await world.time.run(29_000);
  expect(world.stopped).toBeUndefined();
  await world.time.run(2_000);
  expect(world.stopped).toMatchObject({ code: "coordinator-unreachable" });
  expect(world.time.timerCount()).toBe(0);
});
