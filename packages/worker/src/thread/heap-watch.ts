import { getHeapStatistics } from "node:v8";

import { StreamError } from "@millrace/core";

const checkMs = 500;
/** Above this part of the limit, twice in a row, the slot ends before V8 aborts the process. */
const allowedPart = 0.75;

/** Checks the thread's own heap; calls back once, with `out-of-memory`, when it is nearly full. */
export function watchHeap(maxHeapMb: number, onFull: (error: StreamError) => void): void {
  const allowedBytes = maxHeapMb * 1024 * 1024 * allowedPart;
  let checksAbove = 0;
  const timer = setInterval(() => {
    const usedBytes = getHeapStatistics().used_heap_size;
    checksAbove = usedBytes > allowedBytes ? checksAbove + 1 : 0;
    if (checksAbove < 2) return;
    clearInterval(timer);
    onFull(heapFullError(Math.round(usedBytes / 1024 / 1024), maxHeapMb));
  }, checkMs);
  timer.unref();
}

/** Returns the error of a heap that is full or nearly so. */
export function heapFullError(
  usedMb: number | undefined,
  maxHeapMb: number | undefined,
): StreamError {
  const used = usedMb === undefined ? "" : `${usedMb} MB of `;
  const limit = maxHeapMb === undefined ? "its limit" : `${maxHeapMb} MB`;
  return new StreamError(
    "out-of-memory",
    `a slot's heap is full (${used}${limit}): give slots more memory, raise the parallelism, or keep less state per key`,
    { domain: "user", retry: "never" },
  );
}
