import { StreamError, type Clock } from "@millrace/core";
import { expect, test } from "vitest";

import { campaign } from "./election.ts";
import type { CampaignOptions, Leadership } from "./leadership.ts";
import { createMemoryMetadataStore } from "./memory-store.ts";
import type { MetadataStore, MetadataTransaction, TransactionResult } from "./metadata-store.ts";

const hastyClock: Clock = {
  monotonicMs: () => 0,
  wallMs: () => 0,
  schedule: (_delayMs, callback) => {
    queueMicrotask(callback);
    return { [Symbol.dispose]: () => {} };
  },
};

const options = (store: MetadataStore, identity: string): CampaignOptions => ({
  store,
  clock: hastyClock,
  prefix: "m/",
  identity,
  address: `${identity}:1`,
  leaseMs: 5_000,
});

async function commitUnder(store: MetadataStore, { fence }: Leadership): Promise<boolean> {
  const writes = [{ kind: "put", key: "m/head", value: "x" }] as const;
  return (await store.transact({ compares: [fence], writes })).isApplied;
}

/** Answers transactions as the script says: `lost-request`, `lost-response`, or truly. */
function unreliable(store: MetadataStore, script: string[]): MetadataStore {
  return {
    ...store,
    async transact(transaction: MetadataTransaction): Promise<TransactionResult> {
      const step = script.shift();
      if (step === "lost-request") throw unknownOutcome();
      const result = await store.transact(transaction);
      if (step === "lost-response") throw unknownOutcome();
      return result;
    },
  };
}

function unknownOutcome(): StreamError {
  return new StreamError("unknown-outcome", "no answer", { domain: "external", retry: "backoff" });
}

test("a later start takes over with a higher epoch, and the earlier one's fence fails (S1)", async () => {
  const store = createMemoryMetadataStore();
  const first = await campaign(options(store, "a"));
  expect(await commitUnder(store, first)).toBe(true);
  const second = await campaign(options(store, "b"));
  expect(second.leaderEpoch > first.leaderEpoch).toBe(true);
  expect(await commitUnder(store, first)).toBe(false);
  expect(await commitUnder(store, second)).toBe(true);
});

test("the epoch is the create revision of the election key", async () => {
  const store = createMemoryMetadataStore();
  await campaign(options(store, "a"));
  const { leaderEpoch, electionKey, fence } = await campaign(options(store, "b"));
  const entry = await store.get("m/election");
  expect(electionKey).toBe("m/election");
  expect(entry).toMatchObject({
    value: `{"identity":"b","address":"b:1"}`,
    createRevision: leaderEpoch,
  });
  expect(fence).toEqual({ key: "m/election", target: "createRevision", equals: leaderEpoch });
});

test.each([
  [["lost-response"]],
  [["lost-request"]],
  [["true", "lost-response"]],
  [["true", "lost-request"]],
  [["lost-response", "lost-response"]],
  [["lost-request", "lost-request", "lost-response"]],
])("an unknown outcome (%j) is read back until it is known (S3)", async (script) => {
  const store = createMemoryMetadataStore();
  await campaign(options(store, "a"));
  const won = await campaign(options(unreliable(store, script), "b"));
  expect(await store.get("m/election")).toMatchObject({
    value: `{"identity":"b","address":"b:1"}`,
    createRevision: won.leaderEpoch,
  });
  expect(await commitUnder(store, won)).toBe(true);
});

test("a candidate waits until there is space again (F19), and gives up where there never will be", async () => {
  const store = createMemoryMetadataStore();
  const failing = (retry: "backoff" | "never"): MetadataStore => {
    let failures = 0;
    return {
      ...store,
      transact: (transaction) => {
        failures += 1;
        if (failures > 3) return store.transact(transaction);
        const error = new StreamError("out-of-space", "full", { domain: "external", retry });
        return Promise.reject(error);
      },
    };
  };
  const won = await campaign(options(failing("backoff"), "a"));
  expect(await commitUnder(store, won)).toBe(true);
  const refused = campaign(options(failing("never"), "b"));
  await expect(refused).rejects.toMatchObject({ code: "out-of-space" });
});

test("of several at once exactly one holds the fence in the end", async () => {
  const store = createMemoryMetadataStore();
  const all = await Promise.all(["a", "b", "c"].map((name) => campaign(options(store, name))));
  const leading: Leadership[] = [];
  for (const one of all) if (await commitUnder(store, one)) leading.push(one);
  expect(leading).toHaveLength(1);
  expect(new Set(all.map(({ leaderEpoch }) => leaderEpoch)).size).toBe(3);
});

/** A store with leases whose first transaction is answered after so long, by a clock that only it moves. */
function slowStore(answerMs: number, onSecond: (store: MetadataStore) => void = () => {}) {
  let nowMs = 0;
  const due: { readonly atMs: number; readonly callback: () => void }[] = [];
  const clock: Clock = {
    monotonicMs: () => nowMs,
    wallMs: () => nowMs,
    schedule: (delayMs, callback) => {
      const timer = { atMs: nowMs + delayMs, callback };
      due.push(timer);
      return { [Symbol.dispose]: () => void due.splice(due.indexOf(timer), 1) };
    },
  };
  const memory = createMemoryMetadataStore({ clock });
  const { leases } = memory;
  if (leases === undefined) throw new Error("a store with a clock has leases");
  const calls: string[] = [];
  const store: MetadataStore = {
    ...memory,
    async transact(transaction) {
      calls.push("transact");
      const result = await memory.transact(transaction);
      for (; calls.length === 1 && nowMs < answerMs; nowMs += 1_000) {
        for (const { callback } of due.filter(({ atMs }) => atMs <= nowMs)) callback();
        onSecond(memory);
      }
      return result;
    },
    leases: {
      grant: (ttlMs) => leases.grant(ttlMs),
      revoke: (leaseId) => leases.revoke(leaseId),
      keepAlive(leaseId) {
        calls.push("keep alive");
        return leases.keepAlive(leaseId);
      },
    },
  };
  return { store, clock, calls };
}

test("who wins within the time of its lease leads at once", async () => {
  const { store, clock, calls } = slowStore(4_000);
  const { lease } = await campaign({ ...options(store, "a"), clock });
  expect(lease?.provenAtMs).toBe(0);
  expect(calls).toEqual(["transact"]);
});

test("a lease that ended while its candidate won makes no leader: it campaigns anew (F6)", async () => {
  const { store, clock, calls } = slowStore(6_000);
  const won = await campaign({ ...options(store, "a"), clock });
  expect(calls).toEqual(["transact", "keep alive", "transact"]);
  expect(won.lease?.provenAtMs).toBe(6_000);
  expect(await commitUnder(store, won)).toBe(true);
});

test("a lease that lives on beyond its time is proven before its candidate leads (F6, F16)", async () => {
  const stick = ({ leases }: MetadataStore): void => void leases?.keepAlive(1n);
  const { store, clock, calls } = slowStore(6_000, stick);
  const won = await campaign({ ...options(store, "a"), clock });
  expect(calls).toEqual(["transact", "keep alive"]);
  expect(won.lease).toMatchObject({ leaseId: 1n, provenAtMs: 6_000 });
  expect(await commitUnder(store, won)).toBe(true);
});

test("it stops when the signal aborts", async () => {
  const store = createMemoryMetadataStore();
  const away: MetadataStore = { ...store, get: () => Promise.reject(unknownOutcome()) };
  const controller = new AbortController();
  const running = campaign({ ...options(away, "a"), signal: controller.signal });
  controller.abort(new Error("closed"));
  await expect(running).rejects.toThrow("closed");
});
