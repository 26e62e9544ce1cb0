export { campaign, type CampaignOptions, type Leadership } from "./election.ts";
export { createMemoryMetadataStore } from "./memory-store.ts";
export type {
  MetadataCompare,
  MetadataEntry,
  MetadataListing,
  MetadataStore,
  MetadataTransaction,
  MetadataWrite,
  TransactionResult,
  WatchHandlers,
} from "./metadata-store.ts";
export { openSqliteMetadataStore } from "./sqlite-store.ts";
