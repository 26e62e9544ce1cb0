export { openFileObjectStore } from "./file-store.ts";
export { createMemoryObjectStore, objectNotFound } from "./memory-store.ts";
export type { ObjectInfo, ObjectRange, ObjectStore } from "./object-store.ts";
export { parseObjectStoreUrl, type ObjectStoreUrl } from "./object-store-url.ts";
export { createRetryingObjectStore, type RetryingStoreOptions } from "./retrying-store.ts";
export type { S3Credentials, S3Place, S3StoreOptions } from "./s3-options.ts";
export { createS3ObjectStore } from "./s3-store.ts";
