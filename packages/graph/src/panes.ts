import type { SlidingWindows, TumblingWindows } from "./stream-graph.ts";

/** Windows as the panes that they share: every window is a whole number of adjacent panes. */
export interface PaneLayout {
  readonly paneMs: number;
  readonly sizeMs: number;
  /** From one window's start to the next; equal to the size for tumbling windows. */
  readonly slideMs: number;
  readonly offsetMs: number;
}

/** Returns the panes of windows: as long as the greatest common divisor of size and slide. */
export function paneLayoutOf(assigner: TumblingWindows | SlidingWindows): PaneLayout {
  const { sizeMs, offsetMs } = assigner;
  const slideMs = assigner.kind === "sliding" ? assigner.slideMs : sizeMs;
  return { paneMs: greatestCommonDivisor(sizeMs, slideMs), sizeMs, slideMs, offsetMs };
}

/** Returns the start of the pane that an event time lies in. */
export function paneOf(layout: PaneLayout, timeMs: number): number {
  const { paneMs, offsetMs } = layout;
  return Math.floor((timeMs - offsetMs) / paneMs) * paneMs + offsetMs;
}

/** Returns the end of the earliest window that holds the pane. */
export function firstWindowEnd(layout: PaneLayout, pane: number): number {
  const { paneMs, sizeMs, slideMs, offsetMs } = layout;
  // The first end e = offset + size + k * slide with e >= pane + paneMs.
  const steps = Math.ceil((pane + paneMs - sizeMs - offsetMs) / slideMs);
  return offsetMs + sizeMs + steps * slideMs;
}

/** Returns the end of the latest window that holds the pane. */
export function lastWindowEnd(layout: PaneLayout, pane: number): number {
  const { sizeMs, slideMs, offsetMs } = layout;
  return Math.floor((pane - offsetMs) / slideMs) * slideMs + offsetMs + sizeMs;
}

/** Returns the greatest whole number that both are multiples of. */
export function greatestCommonDivisor(left: number, right: number): number {
  let [larger, smaller] = [left, right];
  while (smaller > 0) [larger, smaller] = [smaller, larger % smaller];
  return larger;
}
