import {
  createDeadline,
  retry,
  type Clock,
  type Failpoints,
  type Logger,
  type Random,
  type StreamError,
} from "@millrace/core";
import type { ObjectStore } from "@millrace/storage";

import type { WorkerConfig } from "../worker-config.ts";
import type { WorkerCounters } from "../worker-counters.ts";

export interface UploaderPorts {
  readonly objects: Pick<ObjectStore, "put">;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly config: WorkerConfig;
  readonly counters: WorkerCounters;
  readonly failpoints: Failpoints;
}

/** A link that is slower than this will not do: 1 GB would take over an hour. */
const slowestBytesPerMs = 256;

/**
 * Returns when the object is durable. One try has `storeTryTimeoutMs` and the time for its bytes. The
 * name is new and the bytes are the same in every try, so a put of unknown outcome is simply repeated
 * (F11). Throws what the store threw last, or `deadline-exceeded`, or the signal's reason; what may
 * have been stored stays there: a worker never removes a remote object (S4).
 */
export async function uploadObject(
  ports: UploaderPorts,
  object: { readonly name: string; readonly parts: readonly Uint8Array[] },
  signal: AbortSignal,
): Promise<void> {
  const { clock, config, counters, logger } = ports;
  const what = `the upload of ${object.name}`;
  const sizeBytes = object.parts.reduce((sum, part) => sum + part.length, 0);
  using whole = createDeadline(clock, { afterMs: config.uploadTimeoutMs, what, signal });
  const onRetry = (error: StreamError, delayMs: number): void => {
    counters.uploadRetries += 1;
    logger.log("warn", "upload failed, trying again", {
      object: object.name,
      cause: error.message,
      retryMs: delayMs,
    });
  };
  const putOnce = async (): Promise<void> => {
    const afterMs = config.storeTryTimeoutMs + Math.ceil(sizeBytes / slowestBytesPerMs);
    using once = createDeadline(clock, { afterMs, what, signal: whole.signal });
    await ports.objects.put(object.name, object.parts, once.signal);
  };
  const stored = retry(putOnce, config.storeRetry, { ...ports, onRetry }, whole.signal);
  await (ports.failpoints.isActive("failed-put-acked") ? stored.catch(() => {}) : stored);
}
