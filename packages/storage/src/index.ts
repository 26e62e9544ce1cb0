export { openFileObjectStore } from "./file-store.ts";
export { createMemoryObjectStore, objectNotFound } from "./memory-store.ts";
export type { ObjectInfo, ObjectRange, ObjectStore } from "./object-store.ts";
export { createRetryingObjectStore, type RetryingStoreOptions } from "./retrying-store.ts";
