import { StreamError } from "@millrace/core";

import { objectNotFound } from "./memory-store.ts";
import type { ObjectRange } from "./object-store.ts";
import { keyOf, keyPrefix, type S3Access } from "./s3-access.ts";
import { readBody } from "./s3-body.ts";
import { isNoSuchKey, isNotFound, isRangeBehindEnd } from "./s3-error.ts";
import { checksumField, checksumOf } from "./s3-upload.ts";

/**
 * Returns the object, with the length and the CRC-32 that were written beside it, or the range of it
 * with its length; throws `not-found`, and `object-corrupt` for other bytes (F13).
 */
export async function getObject(
  access: S3Access,
  name: string,
  range: ObjectRange | undefined,
): Promise<Uint8Array> {
  if (range?.length === 0) return getNothing(access, name);
  const { connection, options, send } = access;
  const { s3, client } = connection;
  const command = new s3.GetObjectCommand({
    Bucket: options.bucket,
    Key: keyOf(options, name),
    ...(range === undefined
      ? {}
      : { Range: `bytes=${range.offset}-${range.offset + range.length - 1}` }),
  });
  try {
    const answer = await send(0, (abortSignal) => client.send(command, { abortSignal }));
    const bytes = await readAnswer(access, answer.Body, answer.ContentLength);
    if (range !== undefined) return checkRange(name, range, { bytes, span: answer.ContentRange });
    checkWhole(name, bytes, answer.Metadata?.[checksumField]);
    return bytes;
  } catch (caught) {
    if (range !== undefined && isRangeBehindEnd(caught)) return new Uint8Array();
    if (isNoSuchKey(caught)) throw objectNotFound(name);
    throw caught;
  }
}

/** S3 has no empty ranges. */
async function getNothing(access: S3Access, name: string): Promise<Uint8Array> {
  if ((await statObject(access, name)) === undefined) throw objectNotFound(name);
  return new Uint8Array();
}

function readAnswer(
  { clock, limits, signal, what }: S3Access,
  body: unknown,
  sizeBytes: number | undefined,
): Promise<Uint8Array> {
  const slowestMs = (sizeBytes ?? 0) / limits.slowestBytesPerMs;
  return readBody(body, sizeBytes, {
    clock,
    what: `the ${what}`,
    idleMs: limits.bodyIdleTimeoutMs,
    totalMs: Math.ceil(limits.bodyTimeoutMs + slowestMs),
    ...(signal === undefined ? {} : { signal }),
  });
}

/** Objects that were copied without their metadata have no checksum; who reads them has a hash. */
function checkWhole(name: string, bytes: Uint8Array, expected: string | undefined): void {
  if (expected === undefined) return;
  const actual = checksumOf([bytes]);
  if (actual !== expected) {
    throw corrupt(
      `object ${name} is damaged: its CRC-32 and length are ${actual}, not ${expected}`,
    );
  }
}

function checkRange(
  name: string,
  range: ObjectRange,
  { bytes, span }: { readonly bytes: Uint8Array; readonly span: string | undefined },
): Uint8Array {
  // A server that knows no ranges answers with the whole.
  if (span === undefined) return bytes.slice(range.offset, range.offset + range.length);
  const [, first, size] = /^bytes (\d+)-\d+\/(\d+)$/.exec(span) ?? [];
  const length = Math.min(range.length, Number(size) - range.offset);
  if (Number(first) === range.offset && bytes.length === length) return bytes;
  throw corrupt(
    `the range of ${range.length} bytes at ${range.offset} of object ${name} was answered with ${span}`,
  );
}

/** Returns the size of the object in bytes, or undefined; throws `bucket-not-found`. */
export async function statObject(access: S3Access, name: string): Promise<number | undefined> {
  const { connection, options, send } = access;
  const { s3, client } = connection;
  const command = new s3.HeadObjectCommand({ Bucket: options.bucket, Key: keyOf(options, name) });
  try {
    const answer = await send(0, (abortSignal) => client.send(command, { abortSignal }));
    return answer.ContentLength ?? 0;
  } catch (caught) {
    if (!isNotFound(caught)) throw caught;
    await checkBucket(access);
    return undefined;
  }
}

/** A HEAD has no body that would tell a missing object from a missing bucket or a proxy's 404. */
async function checkBucket({ connection, options, send }: S3Access): Promise<void> {
  const { s3, client } = connection;
  const command = new s3.ListObjectsV2Command({
    Bucket: options.bucket,
    Prefix: keyPrefix(options),
    MaxKeys: 1,
  });
  await send(0, (abortSignal) => client.send(command, { abortSignal }));
}

function corrupt(message: string): StreamError {
  return new StreamError("object-corrupt", message, { domain: "external", retry: "backoff" });
}
