import { Readable } from "node:stream";

import { createDeadline, StreamError, type Clock } from "@millrace/core";

import { concatBytes } from "./concat-bytes.ts";

export interface BodyDeadlines {
  readonly clock: Clock;
  /** Between two chunks. */
  readonly idleMs: number;
  /** For the whole body. */
  readonly totalMs: number;
  /** What is read, for messages. */
  readonly what: string;
  readonly signal?: AbortSignal;
}

/**
 * Returns all bytes of an answer's body, of the length that the answer announced. Throws
 * `deadline-exceeded` when nothing arrives for the idle time or the whole takes too long (F12; the
 * SDK's timeouts end with the headers), and `unavailable` for a body that is cut off (F13). The
 * connection of a body that was not read to its end is closed.
 */
export async function readBody(
  body: unknown,
  sizeBytes: number | undefined,
  deadlines: BodyDeadlines,
): Promise<Uint8Array> {
  const { clock, signal, totalMs, what } = deadlines;
  if (!(body instanceof Readable)) throw cutOff(what, 0, sizeBytes);
  const stream = body;
  using total = createDeadline(clock, {
    afterMs: totalMs,
    what: `the body of ${what}`,
    ...(signal === undefined ? {} : { signal }),
  });
  const end = (reason: unknown): void => {
    stream.destroy(reason instanceof Error ? reason : new Error(String(reason)));
  };
  const onAbort = (): void => end(total.signal.reason);
  if (total.signal.aborted) onAbort();
  total.signal.addEventListener("abort", onAbort, { once: true });
  using idle = watchIdle(deadlines, end);
  try {
    return await collect(stream, sizeBytes, { what, onChunk: idle.touch });
  } catch (caught) {
    total.signal.throwIfAborted();
    if (caught instanceof StreamError) throw caught;
    throw cutOff(what, undefined, sizeBytes, caught);
  } finally {
    total.signal.removeEventListener("abort", onAbort);
    stream.destroy();
  }
}

async function collect(
  stream: Readable,
  sizeBytes: number | undefined,
  { what, onChunk }: { readonly what: string; readonly onChunk: () => void },
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let received = 0;
  for await (const chunk of stream) {
    if (!(chunk instanceof Uint8Array)) continue;
    onChunk();
    chunks.push(chunk);
    received += chunk.length;
    if (sizeBytes !== undefined && received > sizeBytes) break;
  }
  if (sizeBytes !== undefined && received !== sizeBytes) throw cutOff(what, received, sizeBytes);
  return concatBytes(chunks);
}

/** One timer looks every idle time whether something arrived: chunks only note the time. */
function watchIdle(
  { clock, idleMs, what }: BodyDeadlines,
  end: (reason: StreamError) => void,
): Disposable & { readonly touch: () => void } {
  let lastChunkMs = clock.monotonicMs();
  const look = (): void => {
    const leftMs = lastChunkMs + idleMs - clock.monotonicMs();
    if (leftMs > 0) {
      timer = clock.schedule(leftMs, look);
      return;
    }
    end(
      new StreamError("deadline-exceeded", `the body of ${what} stalled for ${idleMs} ms`, {
        domain: "external",
        retry: "backoff",
      }),
    );
  };
  let timer = clock.schedule(idleMs, look);
  return {
    touch: () => {
      lastChunkMs = clock.monotonicMs();
    },
    [Symbol.dispose]: () => timer[Symbol.dispose](),
  };
}

function cutOff(
  what: string,
  received: number | undefined,
  sizeBytes: number | undefined,
  cause?: unknown,
): StreamError {
  const got = received === undefined ? "before its end" : `at ${received} bytes`;
  const whole = sizeBytes === undefined ? "" : ` of ${sizeBytes}`;
  return new StreamError("unavailable", `the body of ${what} was cut off ${got}${whole}`, {
    domain: "external",
    retry: "backoff",
    cause,
  });
}
