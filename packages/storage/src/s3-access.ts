import { createDeadline, type Clock } from "@millrace/core";

import { parseObjectName } from "./object-name.ts";
import { orAborted } from "./or-aborted.ts";
import type { S3Connection } from "./s3-connection.ts";
import { toS3Error } from "./s3-error.ts";
import type { S3Limits, S3StoreOptions } from "./s3-options.ts";
import type { SendInTime } from "./s3-upload.ts";

/** What one call works with. */
export interface S3Access {
  readonly connection: S3Connection;
  readonly options: S3StoreOptions;
  readonly limits: S3Limits;
  readonly clock: Clock;
  readonly signal: AbortSignal | undefined;
  /** What the call is, for messages. */
  readonly what: string;
  readonly send: SendInTime;
}

export interface S3Call<Answer> {
  readonly what: string;
  readonly operation: (access: S3Access) => Promise<Answer>;
  readonly options: S3StoreOptions;
  readonly limits: S3Limits;
  readonly signal: AbortSignal | undefined;
}

/** Runs a call: each of its requests gets a deadline, and what fails says so as a StreamError. */
export async function runS3Call<Answer>(
  { what, operation, options, limits, signal }: S3Call<Answer>,
  open: () => Promise<S3Connection>,
): Promise<Answer> {
  const { clock } = options;
  const send: SendInTime = async (sizeBytes, request, isCleanUp = false) => {
    const afterMs = limits.requestTimeoutMs + sizeBytes / limits.slowestBytesPerMs;
    using deadline = createDeadline(clock, {
      afterMs: Math.ceil(afterMs),
      what: `a request for the ${what}`,
      ...(signal === undefined || isCleanUp ? {} : { signal }),
    });
    deadline.signal.throwIfAborted();
    try {
      return await orAborted(request(deadline.signal), deadline.signal);
    } catch (caught) {
      // What the abort made fail is not what went wrong.
      deadline.signal.throwIfAborted();
      throw caught;
    }
  };
  try {
    const connection = await open();
    return await operation({ connection, options, limits, clock, signal, what, send });
  } catch (caught) {
    signal?.throwIfAborted();
    throw toS3Error(what, options, caught);
  }
}

/** Returns the key of the object; throws `invalid-argument` for what cannot name one. */
export function keyOf(options: S3StoreOptions, name: string): string {
  parseObjectName(name);
  return keyPrefix(options) + name;
}

/** Returns what stands before the names of this store in the bucket. */
export function keyPrefix({ prefix = "" }: S3StoreOptions): string {
  return prefix === "" ? "" : `${prefix}/`;
}
