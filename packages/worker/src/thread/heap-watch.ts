import { constants, PerformanceObserver, type PerformanceEntry } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";

import { StreamError } from "@millrace/core";

/** What may be left after a full garbage collection; V8 aborts the process at the whole. */
const allowedPart = 0.75;

/**
 * Looks at the thread's own heap after each full garbage collection, when what is used is also
 * needed; calls back once, with `out-of-memory`, when that is too much. A single turn that fills the
 * heap is faster: then V8 aborts the process.
 */
export function watchHeap(maxHeapMb: number, onFull: (error: StreamError) => void): void {
  const allowedBytes = maxHeapMb * 1024 * 1024 * allowedPart;
  const observer = new PerformanceObserver((list) => {
    if (!list.getEntries().some(isFullCollection)) return;
    const usedBytes = getHeapStatistics().used_heap_size;
    if (usedBytes <= allowedBytes) return;
    observer.disconnect();
    onFull(heapFullError(Math.round(usedBytes / 1024 / 1024), maxHeapMb));
  });
  observer.observe({ entryTypes: ["gc"] });
}

function isFullCollection(entry: PerformanceEntry): boolean {
  const detail: unknown = "detail" in entry ? entry.detail : undefined;
  const hasKind = typeof detail === "object" && detail !== null && "kind" in detail;
  return hasKind && detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR;
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
