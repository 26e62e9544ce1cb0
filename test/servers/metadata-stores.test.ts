import { openEtcdMetadataStore, type MetadataStore } from "@millrace/metadata";
import { createNodeClock } from "@millrace/platform";
import {
  describeLeaseContract,
  describeMetadataStoreContract,
  describeSharedMetadataStoreContract,
  type MetadataStoreSubject,
} from "@millrace/testing/contracts";
import { afterAll, beforeAll, describe } from "vitest";

import { startEtcd, type EtcdServers } from "./etcd.ts";

const clock = createNodeClock();
/** etcd keeps no lease shorter than its election timeout and a half. */
const leaseMs = 2_000;
let roots = 0;

for (const members of [1, 3] as const) {
  describe(`etcd, members: ${members}`, () => {
    let etcd: EtcdServers;
    beforeAll(async () => {
      etcd = await startEtcd({ members });
    });
    afterAll(async () => {
      await etcd[Symbol.asyncDispose]();
    });
    const createSubject = (): Promise<MetadataStoreSubject> => subjectOf(etcd);
    const name = `etcd with ${members} member${members === 1 ? "" : "s"}`;
    describeMetadataStoreContract(name, createSubject);
    describeSharedMetadataStoreContract(name, createSubject);
    describeLeaseContract(name, createSubject, { clock, leaseMs });
  });
}

function subjectOf(etcd: EtcdServers): Promise<MetadataStoreSubject> {
  roots += 1;
  const root = `test-${roots}/`;
  const opened: MetadataStore[] = [];
  return Promise.resolve({
    async open() {
      const store = await openEtcdMetadataStore({ endpoints: etcd.endpoints, root, clock });
      opened.push(store);
      return store;
    },
    async [Symbol.asyncDispose]() {
      for (const store of opened) await store[Symbol.asyncDispose]();
    },
  });
}
