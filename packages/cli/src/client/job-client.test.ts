import { parseJobId, StreamError, type ControlNetwork } from "@millrace/core";
import { encodeCallResponse } from "@millrace/rpc";
import { expect, test } from "vitest";

import { ManualClock } from "../test-kit/manual-clock.ts";
import { createJobClient } from "./job-client.ts";

type Answer = "leads" | "stands by" | "refused" | "closes" | "hangs" | "forbids";

interface World {
  readonly network: ControlNetwork;
  readonly clock: ManualClock;
  /** What each address does from now on. */
  readonly answers: Map<string, Answer>;
  readonly epochs: Map<string, bigint>;
  readonly calls: string[];
  leaderHint: string;
}

function createWorld(answers: Record<string, Answer>): World {
  const world: World = {
    clock: new ManualClock(),
    answers: new Map(Object.entries(answers)),
    epochs: new Map(),
    calls: [],
    leaderHint: "another one",
    network: {
      serve: () => Promise.reject(new Error("not served here")),
      openSession: () => {
        throw new Error("no sessions here");
      },
      call: (address, { method, deadlineMs }) => {
        world.calls.push(`${method} ${address}`);
        return answer(world, address, { method, deadlineMs });
      },
    },
  };
  return world;
}

function answer(
  { answers, epochs, clock, leaderHint }: World,
  address: string,
  { method, deadlineMs }: { readonly method: string; readonly deadlineMs: number },
): Promise<Uint8Array> {
  const fail = (code: StreamError["code"], message: string, cause?: unknown) =>
    Promise.reject(new StreamError(code, message, { domain: "external", retry: "backoff", cause }));
  switch (answers.get(address)) {
    case "leads": {
      if (method !== "DescribeCluster") {
        return Promise.resolve(encodeCallResponse("ListJobs", { jobs: [] }));
      }
      const leaderEpoch = epochs.get(address) ?? 1n;
      const cluster = { clusterId: "c", leaderEpoch, version: "1", workers: [] };
      return Promise.resolve(encodeCallResponse("DescribeCluster", cluster));
    }
    case "stands by":
      return fail("unavailable", `this coordinator stands by; the leader is ${leaderHint}`);
    case "closes":
      return fail("cancelled", "the coordinator was closed");
    case "forbids":
      return fail("unauthenticated", "this coordinator wants a token");
    case "hangs":
      return new Promise((_resolve, reject) => {
        clock.schedule(deadlineMs, () => {
          fail("deadline-exceeded", "did not answer in time", new Error("deadline")).catch(reject);
        });
      });
    case "refused":
    case undefined:
      return fail("unavailable", `${address} cannot be reached`, new Error("ECONNREFUSED"));
  }
}

/** Lets time pass until the promise is settled. */
async function settle<Result>(world: World, promise: Promise<Result>): Promise<Result> {
  let isOver = false;
  const over = (): void => {
    isOver = true;
  };
  promise.then(over, over);
  while (!isOver) {
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
    if (!isOver) world.clock.advance(5);
  }
  return promise;
}

const jobs = { jobs: [] };

test("of several coordinators the one that leads is found and remembered", async () => {
  const world = createWorld({ "a:1": "refused", "b:1": "stands by", "c:1": "leads" });
  const client = createJobClient(world.network, ["a:1", "b:1", "c:1"], world.clock);
  expect(await settle(world, client.call("ListJobs", {}))).toEqual(jobs);
  world.calls.length = 0;
  expect(await settle(world, client.call("ListJobs", {}))).toEqual(jobs);
  expect(world.calls).toEqual(["ListJobs c:1"]);
});

test("of two that say that they lead, the one of the higher epoch is believed (F6)", async () => {
  const world = createWorld({ "a:1": "leads", "b:1": "leads" });
  world.epochs.set("a:1", 5n).set("b:1", 9n);
  const client = createJobClient(world.network, ["a:1", "b:1"], world.clock);
  await settle(world, client.call("ListJobs", {}));
  expect(world.calls.at(-1)).toBe("ListJobs b:1");
});

test("a call follows the leadership: the leader closes, a standby takes over within the deadline (F2)", async () => {
  const world = createWorld({ "a:1": "leads", "b:1": "stands by" });
  const client = createJobClient(world.network, ["a:1", "b:1"], world.clock);
  await settle(world, client.call("ListJobs", {}));
  world.answers.set("a:1", "closes");
  world.clock.schedule(3_000, () => world.answers.set("a:1", "refused").set("b:1", "leads"));
  expect(await settle(world, client.call("ListJobs", {}))).toEqual(jobs);
  expect(world.calls.at(-1)).toBe("ListJobs b:1");
});

test("one address is enough: a standby says where the leader is", async () => {
  const world = createWorld({ "a:1": "stands by", "b:1": "leads" });
  world.leaderHint = "b:1";
  const client = createJobClient(world.network, ["a:1"], world.clock);
  expect(await settle(world, client.call("ListJobs", {}))).toEqual(jobs);
});

test("a host that swallows everything does not hold up the search", async () => {
  const world = createWorld({ "a:1": "hangs", "b:1": "leads" });
  const client = createJobClient(world.network, ["a:1", "b:1"], world.clock);
  await settle(world, client.call("ListJobs", {}));
  expect(world.clock.monotonicMs()).toBeLessThan(100);
});

test("when nobody leads, the error says who was asked and what each said", async () => {
  const world = createWorld({ "a:1": "refused", "b:1": "stands by" });
  const client = createJobClient(world.network, ["a:1", "b:1"], world.clock);
  await expect(settle(world, client.call("ListJobs", {}, 2_000))).rejects.toMatchObject({
    code: "coordinator-unreachable",
    message:
      "none of the coordinators leads:\na:1: a:1 cannot be reached\n" +
      "b:1: this coordinator stands by; the leader is another one",
  });
  expect(world.clock.monotonicMs()).toBeGreaterThan(1_500);
});

test("when nobody answers at all, it ends at once", async () => {
  const world = createWorld({});
  const many = createJobClient(world.network, ["a:1", "b:1"], world.clock);
  await expect(settle(world, many.call("ListJobs", {}))).rejects.toMatchObject({
    code: "coordinator-unreachable",
  });
  const one = createJobClient(world.network, ["a:1"], world.clock);
  await expect(settle(world, one.call("ListJobs", {}))).rejects.toThrow(
    "no coordinator answers at a:1",
  );
  expect(world.clock.monotonicMs()).toBe(0);
});

test("a coordinator that refuses who asks says so itself", async () => {
  const world = createWorld({ "a:1": "forbids", "b:1": "refused" });
  const client = createJobClient(world.network, ["a:1", "b:1"], world.clock);
  await expect(settle(world, client.call("ListJobs", {}))).rejects.toMatchObject({
    code: "unauthenticated",
  });
});

test("a call that hangs ends with the deadline and is not made twice", async () => {
  const world = createWorld({ "a:1": "hangs" });
  const client = createJobClient(world.network, ["a:1"], world.clock);
  const call = client.call("DescribeJob", { jobId: parseJobId("job-1") }, 1_000);
  await expect(settle(world, call)).rejects.toMatchObject({ code: "deadline-exceeded" });
  expect(world.calls).toEqual(["DescribeJob a:1"]);
});
