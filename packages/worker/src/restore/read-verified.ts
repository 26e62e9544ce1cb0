import {
  createDeadline,
  retry,
  StreamError,
  type Clock,
  type Digest,
  type Failpoints,
  type Logger,
  type Random,
} from "@millrace/core";
import type { ObjectRange, ObjectStore } from "@millrace/storage";

import type { WorkerConfig } from "../worker-config.ts";
import type { WorkerCounters } from "../worker-counters.ts";

export interface ReadPorts {
  readonly objects: Pick<ObjectStore, "get">;
  readonly clock: Clock;
  readonly random: Random;
  readonly digest: Digest;
  readonly logger: Logger;
  readonly config: WorkerConfig;
  readonly counters: WorkerCounters;
  readonly failpoints: Failpoints;
}

/** What is read, and what its bytes must be. */
export interface VerifiedRead {
  readonly name: string;
  readonly range?: ObjectRange;
  readonly sha256: string;
  /** What it is, for messages. */
  readonly what: string;
  /** Returns the error for an object that is not there. */
  readonly missing: (message: string) => StreamError;
  /** Returns the error for bytes that are wrong in every try. */
  readonly corrupt: (message: string) => StreamError;
}

/**
 * Returns the bytes, whose length and SHA-256 are right (F13). Wrong bytes are read again, up to
 * `corruptReadTries` times in all: a read may be truncated on its way.
 */
export async function readVerified(
  ports: ReadPorts,
  read: VerifiedRead,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const { config, counters, digest, failpoints, logger } = ports;
  const isOnce = failpoints.isActive("corrupt-read-not-repeated");
  const isTrusted = failpoints.isActive("wrong-bytes-accepted");
  let problem = "";
  for (let tries = 0; tries < (isOnce ? 1 : config.corruptReadTries); tries += 1) {
    const bytes = await fetchObject(ports, read, signal);
    problem = bytes instanceof StreamError ? bytes.message : describeProblem(read, bytes, digest);
    if (!(bytes instanceof StreamError) && (isTrusted || problem === "")) return bytes;
    counters.corruptReads += 1;
    logger.log("warn", "wrong bytes read", { object: read.name, what: read.what, problem });
  }
  throw read.corrupt(
    `${read.what}, object ${read.name}, is corrupt: ${problem} in ${config.corruptReadTries} reads`,
  );
}

/** Returns the bytes, or the error of a store that finds them damaged itself. */
async function fetchObject(
  ports: ReadPorts,
  read: VerifiedRead,
  signal: AbortSignal,
): Promise<Uint8Array | StreamError> {
  const { clock, config, logger, objects } = ports;
  const onRetry = (error: StreamError, delayMs: number): void => {
    const fields = { object: read.name, cause: error.message, retryMs: delayMs };
    logger.log("warn", "read failed, trying again", fields);
  };
  const getOnce = async (): Promise<Uint8Array> => {
    const what = `reading ${read.name}`;
    using once = createDeadline(clock, { afterMs: config.storeTryTimeoutMs, what, signal });
    return await objects.get(read.name, read.range, once.signal);
  };
  try {
    return await retry(getOnce, config.storeRetry, { ...ports, onRetry }, signal);
  } catch (caught) {
    if (StreamError.is(caught, "object-corrupt")) return caught;
    if (!StreamError.is(caught, "not-found")) throw caught;
    throw read.missing(`${read.what}, object ${read.name}, is not in the object store`);
  }
}

function describeProblem(read: VerifiedRead, bytes: Uint8Array, digest: Digest): string {
  if (read.range !== undefined && bytes.length !== read.range.length) {
    return `${bytes.length} bytes instead of ${read.range.length}`;
  }
  const sha256 = digest.sha256(bytes);
  return sha256 === read.sha256 ? "" : `its SHA-256 is ${sha256} instead of ${read.sha256}`;
}
