export type { EtcdConnection, EtcdTls } from "./etcd-client.ts";
export type { ElectionRecord } from "./election-record.ts";
export { campaign } from "./election.ts";
export type { CampaignOptions, HeldLease, Leadership } from "./leadership.ts";
export { keepLease, type LeaseKeeper, type LeaseKeeperOptions } from "./lease-keeper.ts";
export { createMemoryMetadataStore } from "./memory-store.ts";
export type {
  MetadataCompare,
  MetadataEntry,
  MetadataLeases,
  MetadataListing,
  MetadataStore,
  MetadataTransaction,
  MetadataWrite,
  TransactionResult,
  WatchHandlers,
} from "./metadata-store.ts";
export { openEtcdMetadataStore, type EtcdStoreOptions } from "./open-etcd-store.ts";
export { openSqliteMetadataStore } from "./sqlite-store.ts";
