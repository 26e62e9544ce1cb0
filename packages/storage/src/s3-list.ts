import { StreamError } from "@millrace/core";

import { checkObjectPrefix } from "./object-name.ts";
import type { ObjectInfo } from "./object-store.ts";
import { keyOf, keyPrefix, type S3Access } from "./s3-access.ts";
import { toRemovalError } from "./s3-error.ts";

/** As many keys as one DeleteObjects takes. */
export const maxBatchSize = 1_000;

/** Returns the objects whose names begin with the prefix, by name, page for page. */
export async function listObjects(
  access: S3Access,
  prefix: string,
): Promise<readonly ObjectInfo[]> {
  checkObjectPrefix(prefix);
  const { connection, options, send } = access;
  const { s3, client } = connection;
  const ownPrefix = keyPrefix(options);
  const found = new Map<string, ObjectInfo>();
  let token: string | undefined;
  do {
    const command = new s3.ListObjectsV2Command({
      Bucket: options.bucket,
      Prefix: ownPrefix + prefix,
      ...(token === undefined ? {} : { ContinuationToken: token }),
    });
    const page = await send(0, (abortSignal) => client.send(command, { abortSignal }));
    for (const { Key: key = "", Size: sizeBytes = 0 } of page.Contents ?? []) {
      const name = key.slice(ownPrefix.length);
      if (key.startsWith(ownPrefix + prefix) && !name.endsWith("/")) {
        found.set(name, { name, sizeBytes });
      }
    }
    token = nextToken(page, token);
  } while (token !== undefined);
  return [...found.values()].toSorted((left, right) => (left.name < right.name ? -1 : 1));
}

/** A server that repeats itself would otherwise be listed for ever. */
function nextToken(
  page: {
    readonly IsTruncated?: boolean | undefined;
    readonly NextContinuationToken?: string | undefined;
  },
  last: string | undefined,
): string | undefined {
  if (page.IsTruncated !== true) return undefined;
  const next = page.NextContinuationToken;
  if (next !== undefined && next !== last) return next;
  throw new StreamError("unavailable", "a list of objects ended in the middle", {
    domain: "external",
    retry: "backoff",
  });
}

/**
 * Removes at most `maxBatchSize` objects with one request. Its answer is 200 also if single keys
 * failed: the first of them is thrown.
 */
export async function removeBatch(access: S3Access, names: readonly string[]): Promise<void> {
  const { connection, options, send } = access;
  const { s3, client } = connection;
  const command = new s3.DeleteObjectsCommand({
    Bucket: options.bucket,
    Delete: { Objects: names.map((name) => ({ Key: keyOf(options, name) })), Quiet: true },
  });
  const answer = await send(0, (abortSignal) => client.send(command, { abortSignal }));
  const failed = (answer.Errors ?? []).filter(({ Code: name }) => name !== "NoSuchKey");
  const [first] = failed;
  if (first === undefined) return;
  const { Code: name = "", Key: key = "?" } = first;
  throw toRemovalError(options, { key, name, failedCount: failed.length });
}
