import { createCallSlots } from "./call-slots.ts";
import type { ObjectStore } from "./object-store.ts";
import { orAborted } from "./or-aborted.ts";
import { keyOf, runS3Call, type S3Access } from "./s3-access.ts";
import { createLazyS3Connection } from "./s3-connection.ts";
import { listObjects, maxBatchSize, removeBatch } from "./s3-list.ts";
import { resolveS3Limits, type S3StoreOptions } from "./s3-options.ts";
import { getObject, statObject } from "./s3-read.ts";
import { uploadToS3, type PartsLeft } from "./s3-upload.ts";

/**
 * Returns an object store in a bucket of Amazon S3 or a server that speaks it. Each call is one try;
 * `createRetryingObjectStore` gives it patience. Throws, besides `not-found`:
 * retried: `unavailable` (not reached, 5xx, SlowDown, a body cut off), `deadline-exceeded`,
 * `object-corrupt` (a few times); not retried: `access-denied`, `bucket-not-found`, `out-of-space`,
 * `tls-failed`, and `unavailable` for a request that the server does not take.
 *
 * I1 Every request and every body ends in time, by the clock port (F12).
 * I2 A whole object is read with the length and the CRC-32 that were written beside it, a range with
 *    its length (F13).
 * I3 Nothing rests on conditional requests; an object is visible only when it is whole.
 * I4 Parts of an upload that failed are removed, also if its caller has gone away.
 * I5 No more than `maxSockets` calls and sockets are open; the time that a call waits for its turn
 *    does not count against it.
 */
export function createS3ObjectStore(options: S3StoreOptions): ObjectStore {
  const limits = resolveS3Limits(options);
  const connection = createLazyS3Connection(options, limits);
  const slots = createCallSlots(limits.maxSockets);
  const partsLeft: PartsLeft = new Set();
  const cleanUps = new Set<Promise<unknown>>();
  const call = async <Answer>(
    what: string,
    operation: (access: S3Access) => Promise<Answer>,
    signal?: AbortSignal,
  ): Promise<Answer> => {
    signal?.throwIfAborted();
    using _slot = await slots.take(signal);
    const answer = runS3Call({ what, operation, options, limits, signal }, () => connection.open());
    cleanUps.add(answer);
    const forget = (): boolean => cleanUps.delete(answer);
    answer.then(forget, forget);
    return await (signal === undefined ? answer : orAborted(answer, signal));
  };
  return {
    async put(name, parts, signal) {
      const key = keyOf(options, name);
      const upload = { bucket: options.bucket, key, parts, limits, partsLeft };
      const run = (access: S3Access): Promise<void> =>
        uploadToS3(access.connection, upload, access.send);
      await call(`put of object ${name}`, run, signal);
    },
    get: (name, range, signal) =>
      call(`get of object ${name}`, (access) => getObject(access, name, range), signal),
    stat: (name) => call(`stat of object ${name}`, (access) => statObject(access, name)),
    list: (prefix) => call(`list of objects ${prefix}*`, (access) => listObjects(access, prefix)),
    async remove(names) {
      for (let at = 0; at < names.length; at += maxBatchSize) {
        const batch = names.slice(at, at + maxBatchSize);
        await call(`removal of ${batch.length} objects`, (access) => removeBatch(access, batch));
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.allSettled(cleanUps);
      await connection[Symbol.asyncDispose]();
    },
  };
}
