import type { Clock } from "@millrace/core";

/** Where the objects of a cluster are. */
export interface S3Place {
  readonly bucket: string;
  /** Segments between slashes that stand before each object's name; empty: the whole bucket. */
  readonly prefix?: string;
  /** Such as `http://127.0.0.1:7070`; absent: Amazon's for the region. */
  readonly endpoint?: string;
  /** Absent: `us-east-1` behind an endpoint, else the one of the AWS default chain. */
  readonly region?: string;
  /** Whether the bucket is in the path and not in the host's name; by default behind an endpoint. */
  readonly isPathStyle?: boolean;
}

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface S3StoreOptions extends S3Place {
  readonly clock: Clock;
  /** Absent: the AWS default chain (environment, files, web identity, instance). */
  readonly credentials?: S3Credentials;
  /** Over so many bytes an object goes up in parts; each part may be sent in this size. */
  readonly partSizeBytes?: number;
  /** Calls under way at a time; more wait. Also the limit of open sockets. */
  readonly maxSockets?: number;
  /** Until the answer begins; what a request carries adds its bytes over `slowestBytesPerMs`. */
  readonly requestTimeoutMs?: number;
  /** A body of which nothing arrives for so long is given up (F12). */
  readonly bodyIdleTimeoutMs?: number;
  /** For a whole body; its bytes over `slowestBytesPerMs` come on top. */
  readonly bodyTimeoutMs?: number;
  readonly slowestBytesPerMs?: number;
}

export type S3Limits = Required<
  Pick<
    S3StoreOptions,
    | "partSizeBytes"
    | "maxSockets"
    | "requestTimeoutMs"
    | "bodyIdleTimeoutMs"
    | "bodyTimeoutMs"
    | "slowestBytesPerMs"
  >
>;

/** S3 refuses parts below 5 MiB, and more than 10,000 of them. */
const minPartSizeBytes = 5 * 1024 * 1024;
const maxPartCount = 10_000;

/** 16 MiB a part, 16 sockets, 15 s to an answer, 10 s between bytes, 30 s a body, 256 kB/s. */
const defaultS3Limits: S3Limits = {
  partSizeBytes: 16 * 1024 * 1024,
  maxSockets: 16,
  requestTimeoutMs: 15_000,
  bodyIdleTimeoutMs: 10_000,
  bodyTimeoutMs: 30_000,
  slowestBytesPerMs: 256,
};

/** Returns the limits of a store, the defaults where the options say nothing. */
export function resolveS3Limits(options: Partial<S3Limits>): S3Limits {
  const {
    partSizeBytes = defaultS3Limits.partSizeBytes,
    maxSockets = defaultS3Limits.maxSockets,
    requestTimeoutMs = defaultS3Limits.requestTimeoutMs,
    bodyIdleTimeoutMs = defaultS3Limits.bodyIdleTimeoutMs,
    bodyTimeoutMs = defaultS3Limits.bodyTimeoutMs,
    slowestBytesPerMs = defaultS3Limits.slowestBytesPerMs,
  } = options;
  return {
    partSizeBytes: Math.max(partSizeBytes, minPartSizeBytes),
    maxSockets,
    requestTimeoutMs,
    bodyIdleTimeoutMs,
    bodyTimeoutMs,
    slowestBytesPerMs,
  };
}

/** Returns the size of the parts of an object: what is configured, more if it would be too many. */
export function partSizeOf(sizeBytes: number, limits: S3Limits): number {
  return Math.max(limits.partSizeBytes, Math.ceil(sizeBytes / maxPartCount));
}

/** Returns how a place is named in messages: `bucket b at http://h:p`. */
export function describePlace(place: S3Place): string {
  const where = place.endpoint ?? `AWS${place.region === undefined ? "" : ` ${place.region}`}`;
  return `bucket ${place.bucket} at ${where}`;
}
