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
