import type { Clock } from "@millrace/core";

import type { EtcdConnection } from "./etcd-client.ts";
import type { MetadataStore } from "./metadata-store.ts";

export interface EtcdStoreOptions extends EtcdConnection {
  /** Before every key: the store sees nothing else. May be empty. */
  readonly root: string;
  readonly clock: Clock;
}

/**
 * Returns a metadata store in etcd 3.4 or newer; nothing is connected before the first call. A call
 * that fails says so within 3 s a member. The client is loaded only here: on one machine nobody
 * needs it.
 */
export async function openEtcdMetadataStore(options: EtcdStoreOptions): Promise<MetadataStore> {
  const { EtcdStore } = await import("./etcd-store.ts");
  return new EtcdStore(options);
}
