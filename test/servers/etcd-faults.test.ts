import { sleep, StreamError } from "@millrace/core";
import { keepLease, openEtcdMetadataStore, type MetadataStore } from "@millrace/metadata";
import { createNodeClock } from "@millrace/platform";
import { collectChanges } from "@millrace/testing/contracts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { startEtcd, type EtcdServers } from "./etcd.ts";

const clock = createNodeClock();

describe("etcd with three members of which some die (F15, F16, F17)", () => {
  let etcd: EtcdServers;
  beforeAll(async () => {
    etcd = await startEtcd({ members: 3 });
  });
  afterAll(async () => {
    await etcd[Symbol.asyncDispose]();
  });

  test("each acknowledged write is there once, over kill -9 of every member in turn (S3)", async () => {
    await using store = await open(etcd, "count/");
    const counter = new Counter(store);
    const counting = counter.countUntilStopped();
    for (const member of [0, 1, 2, 0, 1, 2]) {
      await sleep(clock, 300);
      await etcd.kill(member);
      await sleep(clock, 700);
      await etcd.restart(member);
    }
    counter.stop();
    await counting;
    expect((await store.get("n"))?.value).toBe(String(counter.applied));
    expect(counter.applied).toBeGreaterThan(100);
  });

  test("a member that is frozen costs calls their deadline, and no more", async () => {
    await using store = await open(etcd, "frozen/");
    etcd.pause(1);
    try {
      for (let count = 0; count < 6; count += 1) {
        expect(await patiently(() => store.get("n"))).toBeUndefined();
      }
    } finally {
      etcd.resume(1);
    }
  });

  test("a lease of 5 s outlives kill -9 of two members and of all three for a second", async () => {
    await using store = await open(etcd, "lease/");
    const { leases } = store;
    if (leases === undefined) throw new Error("etcd has leases");
    const ttlMs = 5_000;
    const provenAtMs = clock.monotonicMs();
    const leaseId = await patiently(() => leases.grant(ttlMs));
    await store.transact({
      compares: [],
      writes: [{ kind: "put", key: "leader", value: "me", lease: leaseId }],
    });
    const lost: string[] = [];
    const lease = { leaseId, ttlMs, provenAtMs };
    using keeper = keepLease({ leases, clock, lease, onLost: (reason) => lost.push(reason) });
    for (const victims of [[0], [1], [0, 1, 2]]) {
      await Promise.all(victims.map((member) => etcd.kill(member)));
      await sleep(clock, 1_000);
      await Promise.all(victims.map((member) => etcd.restart(member)));
      await sleep(clock, 2_500);
    }
    expect(lost).toEqual([]);
    expect(keeper.isProven()).toBe(true);
    expect((await patiently(() => store.get("leader")))?.value).toBe("me");
  });

  test("a watch that loses its member says so, once; watching again misses nothing (F18)", async () => {
    await using store = await open(etcd, "watch/");
    const { revision } = await patiently(() => store.list(""));
    using first = collectChanges(store, "", revision);
    await patiently(() => put(store, "a", "1"));
    await first.until((told) => told.length >= 1);
    for (const member of [0, 1, 2]) await etcd.kill(member);
    await first.until((told) => told.at(-1) === "lost");
    for (const member of [0, 1, 2]) void etcd.restart(member);
    await patiently(() => put(store, "b", "2"));
    using second = collectChanges(store, "", revision);
    await second.until((told) => told.length >= 2);
    expect([first.told, second.told]).toEqual([
      ["a=1", "lost"],
      ["a=1", "b=2"],
    ]);
  });
});

test("a watch from a compacted revision is lost, with the reason (F18)", async () => {
  await using etcd = await startEtcd();
  await using store = await open(etcd, "");
  for (let count = 0; count < 5; count += 1) await put(store, "w/a", String(count));
  const { revision } = await store.list("");
  await gateway(etcd, "kv/compaction", { revision: String(revision) });
  const cause = await new Promise<Error>((resolve) => {
    store.watch("w/", 1n, { onChange: () => {}, onLost: resolve });
  });
  expect(cause).toMatchObject({
    code: "unavailable",
    message: expect.stringContaining("watch of w/*: cancelled: what it asks for is compacted"),
  });
});

test("an etcd without space says so; reads go on (F19)", async () => {
  await using etcd = await startEtcd({ args: ["--quota-backend-bytes", "300000"] });
  await using store = await open(etcd, "");
  const value = "x".repeat(100_000);
  const fill = async (): Promise<never> => {
    for (let count = 0; ; count += 1) await put(store, `k${count}`, value);
  };
  await expect(fill()).rejects.toMatchObject({
    code: "out-of-space",
    retry: "backoff",
    message: expect.stringMatching(/database space exceeded.*raise its quota/),
  });
  expect((await store.get("k0"))?.value).toBe(value);
});

test("refused credentials are access-denied, and never worth another try", async () => {
  await using etcd = await startEtcd();
  await gateway(etcd, "auth/user/add", { name: "root", password: "right" });
  await gateway(etcd, "auth/role/add", { name: "root" });
  await gateway(etcd, "auth/user/grant", { user: "root", role: "root" });
  await gateway(etcd, "auth/enable", {});
  const endpoints = etcd.endpoints;
  const openAs = (password?: string): Promise<MetadataStore> => {
    const user = password === undefined ? {} : { user: { name: "root", password } };
    return openEtcdMetadataStore({ endpoints, root: "", clock, ...user });
  };
  for (const password of [undefined, "wrong"]) {
    await using store = await openAs(password);
    await expect(put(store, "a", "1")).rejects.toMatchObject({
      code: "access-denied",
      retry: "never",
    });
  }
  await using store = await openAs("right");
  await put(store, "a", "1");
});

test("an etcd that is not there is unavailable: the write has not happened", async () => {
  await using store = await openEtcdMetadataStore({ endpoints: ["127.0.0.1:1"], root: "", clock });
  await expect(put(store, "a", "1")).rejects.toMatchObject({ code: "unavailable" });
  await expect(store.get("a")).rejects.toMatchObject({ code: "unavailable" });
});

/** Counts a key up by compared writes; an unknown outcome is read back. */
class Counter {
  applied = 0;
  readonly #store: MetadataStore;
  #isStopped = false;

  constructor(store: MetadataStore) {
    this.#store = store;
  }

  stop(): void {
    this.#isStopped = true;
  }

  async countUntilStopped(): Promise<void> {
    while (!this.#isStopped) await this.#countOne();
  }

  async #countOne(): Promise<void> {
    const next = String(this.applied + 1);
    for (;;) {
      const entry = await patiently(() => this.#store.get("n"));
      if (entry?.value === next) break;
      if ((entry?.value ?? "0") !== String(this.applied)) {
        throw new Error(`${entry?.value} was counted, not ${this.applied}`);
      }
      try {
        const { isApplied } = await this.#store.transact({
          compares: [{ key: "n", target: "modRevision", equals: entry?.modRevision ?? 0n }],
          writes: [{ kind: "put", key: "n", value: next }],
        });
        if (isApplied) break;
      } catch (error) {
        if (!StreamError.is(error, "unavailable", "unknown-outcome")) throw error;
      }
    }
    this.applied += 1;
  }
}

function open(etcd: EtcdServers, root: string): Promise<MetadataStore> {
  return openEtcdMetadataStore({ endpoints: etcd.endpoints, root, clock });
}

function put(store: MetadataStore, key: string, value: string): Promise<unknown> {
  return store.transact({ compares: [], writes: [{ kind: "put", key, value }] });
}

async function patiently<Result>(operation: () => Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await operation();
    } catch (error) {
      if (!StreamError.is(error, "unavailable", "unknown-outcome")) throw error;
      await sleep(clock, 50);
    }
  }
}

/** Asks etcd for what the store has no call for. */
async function gateway(etcd: EtcdServers, path: string, body: object): Promise<void> {
  const [endpoint = ""] = etcd.endpoints;
  const response = await fetch(`http://${endpoint}/v3/${path}`, {
    method: "POST",
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`etcd refused ${path}: ${await response.text()}`);
}
