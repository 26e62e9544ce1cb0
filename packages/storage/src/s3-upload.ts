import { Readable } from "node:stream";
import { crc32 } from "node:zlib";

import type { AbortMultipartUploadCommand, S3Client } from "@aws-sdk/client-s3";

import { concatBytes } from "./concat-bytes.ts";
import type { S3Connection } from "./s3-connection.ts";
import { isNoSuchUpload } from "./s3-error.ts";
import { partSizeOf, type S3Limits } from "./s3-options.ts";

/** User metadata of each object: the CRC-32 of its bytes in hex, and their number. */
export const checksumField = "millrace-crc32";

/** Parts of one object that go up at a time. */
const partsAtATime = 3;

export interface S3Upload {
  readonly bucket: string;
  readonly key: string;
  readonly parts: readonly Uint8Array[];
  readonly limits: S3Limits;
  readonly partsLeft: PartsLeft;
}

/** Removals of parts that failed, as when the server was away: repeated before the next upload. */
export type PartsLeft = Set<AbortMultipartUploadCommand>;

/** Sends one request that carries so many bytes, with a deadline. */
export type SendInTime = <Answer>(
  sizeBytes: number,
  send: (abortSignal: AbortSignal) => Promise<Answer>,
  isCleanUp?: boolean,
) => Promise<Answer>;

/**
 * Returns when the object is stored: at once, or in parts if it is larger than one part. Parts of an
 * upload that failed are removed before it throws, or before the next upload if the server is away;
 * what a killed process leaves is for the bucket's lifecycle rule (AbortIncompleteMultipartUpload).
 * The server compares a CRC-32 of each request.
 */
export async function uploadToS3(
  connection: S3Connection,
  upload: S3Upload,
  send: SendInTime,
): Promise<void> {
  const sizeBytes = upload.parts.reduce((sum, part) => sum + part.length, 0);
  if (sizeBytes <= upload.limits.partSizeBytes) await putAtOnce(connection, upload, send);
  else await putInParts(connection, { ...upload, sizeBytes }, send);
}

/** Returns the checksum field's value for the bytes. */
export function checksumOf(parts: readonly Uint8Array[]): string {
  const sizeBytes = parts.reduce((sum, part) => sum + part.length, 0);
  return `${crcOf(parts).toString(16).padStart(8, "0")}-${sizeBytes}`;
}

function crcOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((crc, part) => crc32(part, crc), 0);
}

async function putAtOnce(
  { s3, client }: S3Connection,
  { bucket, key, parts }: S3Upload,
  send: SendInTime,
): Promise<void> {
  const body = concatBytes(parts);
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32(body));
  const command = new s3.PutObjectCommand({
    Bucket: bucket,
    Key: key,
    Body: body,
    ContentLength: body.length,
    ChecksumCRC32: crc.toString("base64"),
    Metadata: { [checksumField]: checksumOf([body]) },
  });
  await send(body.length, (abortSignal) => client.send(command, { abortSignal }));
}

async function putInParts(
  connection: S3Connection,
  upload: S3Upload & { readonly sizeBytes: number },
  send: SendInTime,
): Promise<void> {
  const { bucket, key, limits, parts, partsLeft, sizeBytes } = upload;
  const { Upload } = await connection.loadMultipart();
  const partSize = partSizeOf(sizeBytes, limits);
  for (const command of partsLeft) await removeParts(connection, { command, partsLeft }, send);
  const task = new Upload({
    client: createClientInTime(connection, { partSizeBytes: partSize, partsLeft }, send),
    queueSize: partsAtATime,
    partSize,
    params: {
      Bucket: bucket,
      Key: key,
      // A stream, so that no second copy of the whole stands in memory.
      Body: Readable.from(parts, { objectMode: false }),
      ContentLength: sizeBytes,
      ChecksumAlgorithm: "CRC32",
      Metadata: { [checksumField]: checksumOf(parts) },
    },
  });
  await task.done();
}

/**
 * Returns the client for lib-storage, which gives its requests no signal: each gets a deadline here,
 * and ends with the call. Only the removal of the parts goes on after that, and what makes it fail
 * does not stand for why the upload failed.
 */
function createClientInTime(
  connection: S3Connection,
  { partSizeBytes, partsLeft }: { readonly partSizeBytes: number; readonly partsLeft: PartsLeft },
  send: SendInTime,
): S3Client {
  const { s3, client } = connection;
  const sendInTime = (command: Parameters<S3Client["send"]>[0]): Promise<unknown> => {
    if (command instanceof s3.AbortMultipartUploadCommand) {
      return removeParts(connection, { command, partsLeft }, send);
    }
    const sizeBytes = command instanceof s3.UploadPartCommand ? partSizeBytes : 0;
    return send(sizeBytes, (abortSignal) => client.send(command, { abortSignal }));
  };
  return new Proxy(client, {
    get: (target, property): unknown =>
      property === "send" ? sendInTime : Reflect.get(target, property, target),
  });
}

async function removeParts(
  { client }: S3Connection,
  left: { readonly command: AbortMultipartUploadCommand; readonly partsLeft: PartsLeft },
  send: SendInTime,
): Promise<void> {
  const { command, partsLeft } = left;
  partsLeft.add(command);
  try {
    await send(0, (abortSignal) => client.send(command, { abortSignal }), true);
  } catch (caught) {
    // Gone already is as good; the rest is tried again later.
    if (!isNoSuchUpload(caught)) return;
  }
  partsLeft.delete(command);
}
