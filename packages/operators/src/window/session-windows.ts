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
 * Puts spans into a key's sessions.
 *
 * I1 Sessions of a key are ascending, and no two of them touch.
 */
export class Sessions {
  readonly #merge: (into: StoredWindow, from: StoredWindow) => void;
  /** Whether a session that was there has got other bounds by the last `add`. */
  hasChanged = false;

  /** `merge` takes what a later session holds into the earliest. */
  constructor(merge: (into: StoredWindow, from: StoredWindow) => void) {
    this.#merge = merge;
  }

  /** Returns the session that holds the span: new, or merged of all that it touches. */
  add(windows: StoredWindow[], span: TimeSpan): StoredWindow {
    const first = findTouching(windows, span);
    this.hasChanged = false;
    if (first === undefined) {
      const behind = windows.findIndex(({ start }) => start > span.end);
      const window = newStoredWindow(span);
      windows.splice(behind === -1 ? windows.length : behind, 0, window);
      return window;
    }
    const window = windows[first];
    assert(window !== undefined, "what the span touches is there");
    if (span.start < window.start) {
      window.start = span.start;
      this.hasChanged = true;
    }
    if (span.end > window.end) {
      window.end = span.end;
      this.hasChanged = true;
      this.#takeFollowing(windows, first);
    }
    return window;
  }

  /** Merges the sessions that a longer one touches into it. */
  #takeFollowing(windows: StoredWindow[], index: number): void {
    const window = windows[index];
    for (;;) {
      const next = windows[index + 1];
      if (window === undefined || next === undefined || next.start > window.end) return;
      this.#merge(window, next);
      window.end = Math.max(window.end, next.end);
      windows.splice(index + 1, 1);
    }
  }
}
