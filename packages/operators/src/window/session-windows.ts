import { assert } from "@millrace/core";

import type { TimeSpan } from "./window-emitter.ts";
import { newStoredWindow, type StoredWindow } from "./window-state.ts";

/**
 * Returns the index of the first of a key's sessions that the span overlaps or touches, undefined if
 * there is none: one that begins where another ends belongs to it (Flink's TimeWindow.intersects).
 */
export function findTouching(
  windows: readonly StoredWindow[] | undefined,
  { start, end }: TimeSpan,
): number | undefined {
  if (windows === undefined) return undefined;
  for (let index = 0; index < windows.length; index += 1) {
    const window = windows[index];
    if (window !== undefined && window.end >= start) {
      return window.start <= end ? index : undefined;
    }
  }
  return undefined;
}

/**
 * Returns the session that holds the span, new or merged of all that it touches; `merge` takes a
 * later one into the earliest. `hasChanged`: a session that was there has other bounds than before.
 *
 * I1 Sessions of a key are ascending, and no two of them touch.
 */
export function addToSession(
  windows: StoredWindow[],
  span: TimeSpan,
  merge: (into: StoredWindow, from: StoredWindow) => void,
): { readonly window: StoredWindow; readonly hasChanged: boolean } {
  const first = findTouching(windows, span);
  if (first === undefined) {
    const window = newStoredWindow(span);
    const behind = windows.findIndex(({ start }) => start > span.end);
    windows.splice(behind === -1 ? windows.length : behind, 0, window);
    return { window, hasChanged: false };
  }
  const window = windows[first];
  assert(window !== undefined, "what the span touches is there");
  let mergedCount = 0;
  let end = Math.max(window.end, span.end);
  for (let next = windows[first + 1]; next !== undefined && next.start <= end;) {
    merge(window, next);
    end = Math.max(end, next.end);
    mergedCount += 1;
    next = windows[first + 1 + mergedCount];
  }
  windows.splice(first + 1, mergedCount);
  const hasChanged = mergedCount > 0 || span.start < window.start || end > window.end;
  window.start = Math.min(window.start, span.start);
  window.end = end;
  return { window, hasChanged };
}
