import { silentLogger, StreamError } from "@millrace/core";
import { createMemoryObjectStore, type ObjectStore } from "@millrace/storage";
import { expect, test } from "vitest";

import { VirtualTime } from "../test-kit/virtual-time.ts";
import {
  claimObjects,
  readClusterMarks,
  renewClusterMark,
  type ClusterMarkPorts,
} from "./cluster-marker.ts";

function portsOn(objects: ObjectStore, time: VirtualTime = new VirtualTime()): ClusterMarkPorts {
  const retryPorts = { clock: time, random: { uint32: () => 0 } };
  const { signal } = new AbortController();
  return { objects, clock: time, logger: silentLogger, retryPorts, signal };
}

async function namesIn(objects: ObjectStore): Promise<readonly string[]> {
  return (await objects.list("")).map(({ name }) => name);
}

test("F33: each leader marks the store, and the next of the same cluster takes it over", async () => {
  const objects = createMemoryObjectStore();
  await claimObjects(portsOn(objects), { clusterId: "a", revision: 3n });
  await claimObjects(portsOn(objects), { clusterId: "a", revision: 8n });
  expect(await namesIn(objects)).toEqual([
    "cluster/a/00000000000000000003.json",
    "cluster/a/00000000000000000008.json",
  ]);
});

test("a second cluster on the prefix refuses to lead, and changes nothing", async () => {
  const objects = createMemoryObjectStore();
  await claimObjects(portsOn(objects), { clusterId: "a", revision: 3n });
  const before = await namesIn(objects);
  await expect(claimObjects(portsOn(objects), { clusterId: "b", revision: 900n })).rejects.toThrow(
    /this cluster is b, and its object store belongs to cluster a/,
  );
  expect(await namesIn(objects)).toEqual(before);
});

test("two clusters that begin at once do not both lead, and what is left lets one begin again", async () => {
  const objects = createMemoryObjectStore();
  // Both look before either has written: the puts wait for each other.
  const both = Promise.withResolvers<void>();
  let waiting = 0;
  const slow: ObjectStore = {
    ...objects,
    put: async (name, parts) => {
      waiting += 1;
      if (waiting === 2) both.resolve();
      await both.promise;
      await objects.put(name, parts);
    },
  };
  const claims = await Promise.allSettled([
    claimObjects(portsOn(slow), { clusterId: "a", revision: 3n }),
    claimObjects(portsOn(slow), { clusterId: "b", revision: 3n }),
  ]);
  expect(claims.filter(({ status }) => status === "fulfilled").length).toBeLessThan(2);
  const refused = claims.filter((claim) => claim.status === "rejected");
  expect(refused.every(({ reason }) => StreamError.is(reason, "cluster-mismatch"))).toBe(true);
  const marks = await readClusterMarks(objects);
  const next = marks[0]?.clusterId ?? "a";
  await claimObjects(portsOn(objects), { clusterId: next, revision: 4n });
});

test("F33: metadata that is older than the newest mark is refused, also if an older leader marked it", async () => {
  const objects = createMemoryObjectStore();
  const ports = portsOn(objects);
  await claimObjects(ports, { clusterId: "a", revision: 10n });
  await renewClusterMark(ports, { clusterId: "a", revision: 500n });
  // The backup was made after the election, so the epoch alone says nothing.
  await expect(claimObjects(ports, { clusterId: "a", revision: 51n })).rejects.toMatchObject({
    code: "metadata-regressed",
    message: expect.stringMatching(/at revision 51, .* at revision 500: .*older backup/),
  });
  await claimObjects(ports, { clusterId: "a", revision: 501n });
});

test("renewing keeps two marks, writes none twice, and a deposed leader's does no harm", async () => {
  const objects = createMemoryObjectStore();
  const ports = portsOn(objects);
  for (const revision of [1n, 5n, 5n, 9n, 7n]) {
    await renewClusterMark(ports, { clusterId: "a", revision });
  }
  expect((await readClusterMarks(objects)).map(({ revision }) => revision)).toEqual([5n, 9n]);
});

test("F10: a store that is away is waited for, one that refuses for good ends the start", async () => {
  const objects = createMemoryObjectStore();
  const time = new VirtualTime();
  const failures = [
    new StreamError("unavailable", "503", { domain: "external", retry: "backoff" }),
    new StreamError("deadline-exceeded", "slow", { domain: "external", retry: "backoff" }),
  ];
  const flaky: ObjectStore = {
    ...objects,
    list: (prefix) => {
      const failure = failures.shift();
      return failure === undefined ? objects.list(prefix) : Promise.reject(failure);
    },
  };
  const claimed = claimObjects(portsOn(flaky, time), { clusterId: "a", revision: 1n });
  await time.advance(10_000);
  await claimed;
  const denied = new StreamError("access-denied", "403", { domain: "external", retry: "never" });
  const closed: ObjectStore = { ...objects, list: () => Promise.reject(denied) };
  await expect(claimObjects(portsOn(closed), { clusterId: "a", revision: 2n })).rejects.toBe(
    denied,
  );
});

test("a full store is told and does not keep a leader from leading", async () => {
  const objects = createMemoryObjectStore();
  const full = new StreamError("out-of-space", "507", { domain: "external", retry: "never" });
  const lines: string[] = [];
  const ports = portsOn({ ...objects, put: () => Promise.reject(full) });
  const log = (_level: string, message: string): void => void lines.push(message);
  const logger = { ...silentLogger, log };
  await claimObjects({ ...ports, logger }, { clusterId: "a", revision: 1n });
  expect(lines).toEqual(["the object store has no room"]);
});
