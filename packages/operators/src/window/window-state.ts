import type { TimeSpan } from "./window-emitter.ts";

/** What is stored of a key: its windows, ascending by start. */
export interface KeyWindows {
  /** The key has a timer of event time at or before what is next due in it; Infinity: it has none. */
  eventTimerMs: number;
  /** The same of processing time. */
  processingTimerMs: number;
  readonly windows: StoredWindow[];
}

/** One window of one key. */
export interface StoredWindow {
  start: number;
  /** Infinity for the global window. */
  end: number;
  /** An accumulator, or with an evictor the records; undefined if there are none. */
  contents: unknown;
  /** The greatest event time of its records. */
  newestMs: number;
  /** The trigger's own; undefined without. */
  trigger: unknown;
  /** The trigger's timers, ascending; undefined: none. */
  eventTimers: number[] | undefined;
  processingTimers: number[] | undefined;
  /** What the author's function keeps of it, by the names of its states; absent where it has kept nothing. */
  own?: Map<string, unknown>;
}

/** A record as a window with an evictor keeps it. */
export interface KeptRecord {
  readonly value: unknown;
  readonly timestamp: number;
}

/** The window that has no bounds. */
export const allOfTime: TimeSpan = { start: -Infinity, end: Infinity };

export function newKeyWindows(): KeyWindows {
  return { eventTimerMs: Infinity, processingTimerMs: Infinity, windows: [] };
}

export function newStoredWindow({ start, end }: TimeSpan): StoredWindow {
  return {
    start,
    end,
    contents: undefined,
    newestMs: -Infinity,
    trigger: undefined,
    eventTimers: undefined,
    processingTimers: undefined,
  };
}

/** Returns the key's window of these bounds, made if need be. */
export function openWindow({ windows }: KeyWindows, span: TimeSpan): StoredWindow {
  const { start } = span;
  // New windows are mostly the latest.
  let index = windows.length;
  for (; index > 0; index -= 1) {
    const known = windows[index - 1];
    if (known !== undefined && known.start === start) return known;
    if (known !== undefined && known.start < start) break;
  }
  const window = newStoredWindow(span);
  windows.splice(index, 0, window);
  return window;
}

/** Adds a time to ascending ones, unless it is there; returns them. */
export function withTime(times: number[] | undefined, timeMs: number): number[] {
  if (times === undefined) return [timeMs];
  const index = times.findIndex((time) => time >= timeMs);
  if (index === -1) times.push(timeMs);
  else if (times[index] !== timeMs) times.splice(index, 0, timeMs);
  return times;
}

/** Removes a time; returns undefined when none is left. */
export function withoutTime(times: number[] | undefined, timeMs: number): number[] | undefined {
  const left = times?.filter((time) => time !== timeMs);
  return left === undefined || left.length === 0 ? undefined : left;
}
