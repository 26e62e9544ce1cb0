/**
 * Small segments, read whole: one request for each in place of one for its footer and one for every
 * block. A job with little state has dozens of segments of a few kB with hundreds of blocks, and its
 * restore is made of requests.
 *
 * I1 What it returns was not verified: who takes a part of it hashes it, and reads that part by
 *    itself if it is wrong.
 * I2 A segment that could not be read is left out; reading its parts says what is wrong.
 * I3 It holds `wholeSegmentsBytes` at most (S15).
 */
import type { ManifestSegment } from "@millrace/checkpoint";
import { createDeadline, StreamError } from "@millrace/core";

import type { ReadPorts } from "./read-verified.ts";
import { runLimited } from "./run-limited.ts";

const wholeSegmentsBytes = 64 * 1024 * 1024;

/** Returns the bytes of those of the segments that are small, by name. */
export async function readSmallSegments(
  segments: readonly ManifestSegment[],
  ports: ReadPorts,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const { restoreConcurrency, wholeSegmentBytes } = ports.config;
  const small = segments.filter(({ lengthBytes }) => lengthBytes <= wholeSegmentBytes);
  const read = await runLimited(takeWithin(small), restoreConcurrency, (segment) =>
    tryRead(segment, ports, signal),
  );
  return new Map(read.flat());
}

function takeWithin(segments: readonly ManifestSegment[]): readonly ManifestSegment[] {
  let leftBytes = wholeSegmentsBytes;
  return segments.filter(({ lengthBytes }) => {
    if (lengthBytes > leftBytes) return false;
    leftBytes -= lengthBytes;
    return true;
  });
}

async function tryRead(
  { name }: ManifestSegment,
  { objects, clock, config, logger }: ReadPorts,
  signal: AbortSignal,
): Promise<readonly (readonly [string, Uint8Array])[]> {
  const what = `reading ${name}`;
  using once = createDeadline(clock, { afterMs: config.storeTryTimeoutMs, what, signal });
  try {
    return [[name, await objects.get(name, undefined, once.signal)]];
  } catch (caught) {
    signal.throwIfAborted();
    const { code, message } = StreamError.from(caught);
    logger.log("debug", "segment not read whole", { object: name, code, cause: message });
    return [];
  }
}
