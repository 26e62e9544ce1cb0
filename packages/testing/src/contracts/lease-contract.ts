import { sleep, type Clock } from "@millrace/core";
import {
  campaign,
  keepLease,
  type CampaignOptions,
  type ElectionRecord,
  type Leadership,
  type MetadataLeases,
  type MetadataStore,
} from "@millrace/metadata";
import { describe, expect, test } from "vitest";

import type { MetadataStoreSubject } from "./metadata-store-contract.ts";

export interface LeaseContractOptions {
  readonly clock: Clock;
  /** The shortest lease that the store keeps to. */
  readonly leaseMs: number;
}

type CreateSubject = () => Promise<MetadataStoreSubject>;

/** Describes a metadata store with leases, and the election on them. */
export function describeLeaseContract(
  name: string,
  createSubject: CreateSubject,
  options: LeaseContractOptions,
): void {
  describe(`${name} metadata store, leases`, () => {
    describeLeases(createSubject, options);
  });
  describe(`${name} metadata store, election`, () => {
    describeElection(createSubject, options);
  });
}

function describeLeases(
  createSubject: CreateSubject,
  { clock, leaseMs }: LeaseContractOptions,
): void {
  test("keys go with a lease that nobody keeps, and only they", async () => {
    await using subject = await createSubject();
    const store = await subject.open();
    const lease = await leasesOf(store).grant(leaseMs);
    await put(store, "leased", lease);
    await put(store, "detached", lease);
    await put(store, "detached");
    await until(clock, async () => (await store.get("leased")) === undefined);
    expect(await store.get("detached")).toBeDefined();
    await expect(leasesOf(store).keepAlive(lease)).rejects.toMatchObject({ code: "not-found" });
    await expect(put(store, "late", lease)).rejects.toMatchObject({ code: "not-found" });
    expect(await store.get("late")).toBeUndefined();
  });

  test("a lease that is kept outlives its time", async () => {
    await using subject = await createSubject();
    const store = await subject.open();
    const lease = await leasesOf(store).grant(leaseMs);
    await put(store, "leased", lease);
    for (let count = 0; count < 9; count += 1) {
      await sleep(clock, leaseMs / 3);
      await leasesOf(store).keepAlive(lease);
    }
    expect(await store.get("leased")).toBeDefined();
    await leasesOf(store).revoke(lease);
  });

  test("a revoked lease takes its keys at once; to revoke it again is no error", async () => {
    await using subject = await createSubject();
    const store = await subject.open();
    const lease = await leasesOf(store).grant(60_000);
    await put(store, "leased", lease);
    await leasesOf(store).revoke(lease);
    expect(await store.get("leased")).toBeUndefined();
    await leasesOf(store).revoke(lease);
  });
}

function describeElection(createSubject: CreateSubject, options: LeaseContractOptions): void {
  const { clock, leaseMs } = options;
  const { campaignAs, keep } = candidatesOf(options);

  test("one leads and others stand by, knowing it, until its lease ends (L2)", async () => {
    await using subject = await createSubject();
    const [one, other] = [await subject.open(), await subject.open()];
    const first = await campaignAs(one, "a");
    const kept = keep(one, first);
    const seen: ElectionRecord[] = [];
    let second: Leadership | undefined;
    const standby = campaignAs(other, "b", { onStandby: (leader) => seen.push(leader) });
    void standby.then((won) => (second = won));
    await sleep(clock, 2 * leaseMs);
    expect(second).toBeUndefined();
    expect(seen).toEqual([{ identity: "a", address: "a:1" }]);
    expect(kept.isProven()).toBe(true);
    kept[Symbol.dispose]();
    const next = await standby;
    expect(next.leaderEpoch > first.leaderEpoch).toBe(true);
    expect(await commitUnder(one, first)).toBe(false);
    expect(await commitUnder(other, next)).toBe(true);
  });

  test("a leader that revokes its lease is replaced at once", async () => {
    await using subject = await createSubject();
    const store = await subject.open();
    const { lease } = await campaignAs(store, "a", { leaseMs: 60_000 });
    const standby = campaignAs(store, "b");
    await leasesOf(store).revoke(lease?.leaseId ?? 0n);
    expect((await standby).electionKey).toBe("m/election");
  });

  test("a leader whose lease went early hears of it", async () => {
    await using subject = await createSubject();
    const store = await subject.open();
    const leadership = await campaignAs(store, "a", { leaseMs: 3 * leaseMs });
    const lost = Promise.withResolvers<void>();
    const kept = keep(store, leadership, lost.resolve);
    await leasesOf(store).revoke(leadership.lease?.leaseId ?? 0n);
    await lost.promise;
    expect(kept.isProven()).toBe(false);
  });

  test("a candidate that is told to stop leaves no key and no lease behind", async () => {
    await using subject = await createSubject();
    const store = await subject.open();
    const first = await campaignAs(store, "a", { leaseMs: 60_000 });
    const abort = new AbortController();
    const standby = campaignAs(store, "b", { signal: abort.signal });
    await sleep(clock, 50);
    abort.abort(new Error("closed"));
    await expect(standby).rejects.toThrow("closed");
    expect((await store.get("m/election"))?.createRevision).toBe(first.fence.equals);
  });
}

/** Returns how candidates campaign, and how the one that leads keeps its lease. */
function candidatesOf({ clock, leaseMs }: LeaseContractOptions) {
  const campaignAs = (
    store: MetadataStore,
    identity: string,
    more: Partial<CampaignOptions> = {},
  ): Promise<Leadership> =>
    campaign({ store, clock, prefix: "m/", identity, address: `${identity}:1`, leaseMs, ...more });
  const keep = (store: MetadataStore, { lease }: Leadership, onLost: () => void = () => {}) => {
    if (lease === undefined) throw new Error("a leader of this store holds a lease");
    return keepLease({ leases: leasesOf(store), clock, lease, onLost });
  };
  return { campaignAs, keep };
}

function leasesOf(store: MetadataStore): MetadataLeases {
  if (store.leases === undefined) throw new Error("this store has no leases");
  return store.leases;
}

async function put(store: MetadataStore, key: string, lease?: bigint): Promise<void> {
  const write = {
    kind: "put",
    key,
    value: "1",
    ...(lease === undefined ? {} : { lease }),
  } as const;
  await store.transact({ compares: [], writes: [write] });
}

async function commitUnder(store: MetadataStore, { fence }: Leadership): Promise<boolean> {
  const writes = [{ kind: "put", key: "m/head", value: "x" }] as const;
  return (await store.transact({ compares: [fence], writes })).isApplied;
}

async function until(clock: Clock, isDone: () => Promise<boolean>): Promise<void> {
  while (!(await isDone())) await sleep(clock, 50);
}
