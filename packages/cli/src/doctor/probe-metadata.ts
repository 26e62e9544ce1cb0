import { access } from "node:fs/promises";
import { join, resolve } from "node:path";

import {
  createMetadataKeys,
  defaultCoordinatorConfig,
  parseClusterId,
} from "@millrace/coordinator";
import { StreamError, type Clock } from "@millrace/core";
import type { MetadataStore } from "@millrace/metadata";

import { parseMetadataUrl } from "../node/metadata-url.ts";
import { openMetadata, type MetadataPlace } from "../node/open-stores.ts";
import type { MetadataFacts } from "./judge-stores.ts";
import { within } from "./within.ts";

const limitMs = 10_000;
/** So long a probe stays that this process could not remove. */
const leaseMs = 10_000;

/**
 * Returns what using the metadata store shows: reads, then writes a key of its own and removes it.
 * A SQLite file that is not there is not made.
 */
export async function probeMetadata(
  place: MetadataPlace,
  clock: Clock,
  nonce: string,
): Promise<MetadataFacts> {
  const url = place.metadata ?? `sqlite:${join(resolve(place.dataFolder), "metadata.sqlite")}`;
  const fail = (step: "read" | "write", caught: unknown): MetadataFacts => ({
    kind: "failed",
    place: url,
    step,
    error: StreamError.from(caught),
  });
  try {
    const parsed = parseMetadataUrl(url);
    if (parsed.kind === "sqlite" && !(await isThere(parsed.path))) {
      return { kind: "absent", place: url, reason: "there is no such file on this machine" };
    }
    await using store = await openMetadata(place, clock);
    const read = await within(limitMs, url, () => readCluster(store));
    try {
      const startedMs = clock.monotonicMs();
      await within(limitMs, url, () => writeProbe(store, nonce));
      const roundTripMs = clock.monotonicMs() - startedMs;
      return { kind: "works", place: url, roundTripMs, ...read };
    } catch (caught) {
      return fail("write", caught);
    }
  } catch (caught) {
    return fail("read", caught);
  }
}

const { metadataPrefix } = defaultCoordinatorConfig;

async function readCluster(
  store: MetadataStore,
): Promise<{ readonly revision: bigint; readonly jobCount: number; readonly clusterId?: string }> {
  const { cluster: key, jobs } = createMetadataKeys(metadataPrefix);
  const { entries, revision } = await store.list(metadataPrefix);
  const entry = entries.find((one) => one.key === key);
  const isRecord = (name: string): boolean => name.startsWith(jobs) && name.endsWith("/record");
  const jobCount = entries.filter((one) => isRecord(one.key)).length;
  return entry === undefined
    ? { revision, jobCount }
    : { revision, jobCount, clusterId: parseClusterId(key, entry.value) };
}

async function writeProbe(store: MetadataStore, nonce: string): Promise<void> {
  const key = `${metadataPrefix}doctor/${nonce}`;
  const lease = await store.leases?.grant(leaseMs);
  const put = { kind: "put", key, value: "probe" } as const;
  try {
    const writes = [lease === undefined ? put : { ...put, lease }];
    await store.transact({ compares: [], writes });
    await store.transact({ compares: [], writes: [{ kind: "delete", key }] });
  } finally {
    if (lease !== undefined) await store.leases?.revoke(lease).catch(() => {});
  }
}

function isThere(path: string): Promise<boolean> {
  return access(resolve(path)).then(
    () => true,
    () => false,
  );
}
