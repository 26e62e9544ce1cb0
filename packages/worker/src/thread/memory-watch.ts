import { constants, PerformanceObserver, type PerformanceEntry } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";

import { StreamError } from "@millrace/core";

import type { SlotMemory } from "../slot/task-host.ts";

type ThreadMemory = Omit<SlotMemory, "inputBytes">;

/** What may be left after a full garbage collection; V8 aborts the process at the whole heap. */
const allowedPart = 0.75;

/** Returns what the thread holds now. Buffers are counted by V8 but not limited by it. */
export function readMemory(): ThreadMemory {
  const { used_heap_size: heapBytes, external_memory: bufferBytes } = getHeapStatistics();
  return { heapBytes, bufferBytes };
}

/**
 * Looks at the thread's own memory after each full garbage collection, when what is used is also
 * needed; calls back once, with `out-of-memory`, when that is too much. A single turn that fills the
 * heap is faster: then V8 aborts the process.
 */
export function watchMemory(memoryMb: number, onFull: (error: StreamError) => void): void {
  const allowedBytes = memoryMb * 1024 * 1024 * allowedPart;
  const observer = new PerformanceObserver((list) => {
    if (!list.getEntries().some(isFullCollection)) return;
    const { heapBytes, bufferBytes } = readMemory();
    const usedBytes = heapBytes + bufferBytes;
    if (usedBytes <= allowedBytes) return;
    observer.disconnect();
    onFull(memoryFullError(Math.round(usedBytes / 1024 / 1024), memoryMb));
  });
  observer.observe({ entryTypes: ["gc"] });
}

function isFullCollection(entry: PerformanceEntry): boolean {
  const detail: unknown = "detail" in entry ? entry.detail : undefined;
  const hasKind = typeof detail === "object" && detail !== null && "kind" in detail;
  return hasKind && detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR;
}

/** Returns the error of a slot whose memory is used up or nearly so. */
export function memoryFullError(
  usedMb: number | undefined,
  memoryMb: number | undefined,
): StreamError {
  const used = usedMb === undefined ? "" : `${usedMb} MB of `;
  const limit = memoryMb === undefined ? "its limit" : `${memoryMb} MB`;
  return new StreamError(
    "out-of-memory",
    `a slot's memory is full (${used}${limit}): give slots more by --slot-memory or a larger container, raise the parallelism, or keep less state per key`,
    { domain: "user", retry: "never" },
  );
}
