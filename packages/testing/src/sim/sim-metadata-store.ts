import { StreamError } from "@millrace/core";
import type { MetadataLeases, MetadataStore, MetadataTransaction } from "@millrace/metadata";

import type { SimWatches } from "./sim-watches.ts";
import { callStore, type StoreLink } from "./store-call.ts";
import type { MetadataConditions } from "./store-conditions.ts";

export interface SimMetadataLink extends StoreLink<MetadataConditions> {
  readonly watches: SimWatches;
}

/** Returns the metadata store as the process sees it: away, slow, full, and sometimes silent. */
export function createSimMetadataStore(store: MetadataStore, link: SimMetadataLink): MetadataStore {
  return {
    ...(store.leases === undefined ? {} : { leases: simLeases(store.leases, link) }),
    get: (key) =>
      callStore(link, { name: "metadata get", kind: "read", apply: () => store.get(key) }),
    list: (prefix) =>
      callStore(link, { name: "metadata list", kind: "read", apply: () => store.list(prefix) }),
    transact: (transaction) =>
      callStore(link, {
        name: "metadata transact",
        kind: "write",
        apply: async () => {
          if (link.conditions.isFull && hasPut(transaction)) throw noSpace();
          return store.transact(transaction);
        },
      }),
    watch: (prefix, afterRevision, handlers) =>
      link.watches.open(store, link, { prefix, afterRevision, handlers }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Repeating a call of a lease is harmless: an unknown outcome is just a failure. */
function simLeases(leases: MetadataLeases, link: SimMetadataLink): MetadataLeases {
  return {
    grant: (ttlMs) =>
      callStore(link, {
        name: "lease grant",
        kind: "write",
        apply: async () => {
          if (link.conditions.isFull) throw noSpace();
          return leases.grant(ttlMs);
        },
      }),
    keepAlive: (leaseId) =>
      callStore(link, {
        name: "lease keep-alive",
        kind: "write",
        apply: () => leases.keepAlive(leaseId),
      }),
    revoke: (leaseId) =>
      callStore(link, { name: "lease revoke", kind: "write", apply: () => leases.revoke(leaseId) }),
  };
}

function hasPut({ writes }: MetadataTransaction): boolean {
  return writes.some(({ kind }) => kind === "put");
}

/** As etcd says it once its quota is used up (`mvcc: database space exceeded`). */
function noSpace(): StreamError {
  return new StreamError("out-of-space", "the metadata store is out of space (simulated)", {
    domain: "external",
    retry: "backoff",
  });
}
