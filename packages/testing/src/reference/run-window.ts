import type { SlidingWindows, TumblingWindows, WindowSpec } from "@millrace/graph";

import { emitWindow } from "./emit-window.ts";
import type { KeyGroup, Received, SideOutputs, Timed } from "./records.ts";

/** Returns the results of one key's tumbling or sliding windows, each by itself. */
export function runWindow(
  { assigner, aggregate }: Pick<WindowSpec, "assigner" | "aggregate">,
  { key, records }: KeyGroup,
  side: SideOutputs,
): readonly Timed[] {
  return alignedWindows(assigner, records).flatMap(({ start, end, inside }) => {
    const fired = { key, window: { start, end }, records: inside, atMs: end - 1 };
    return emitWindow(aggregate, fired, side);
  });
}

/** A window, and what it holds. */
export interface Span {
  readonly start: number;
  readonly end: number;
  readonly inside: readonly Received[];
}

/** Returns the windows that hold any of the records, with those that they hold. */
export function alignedWindows(
  assigner: TumblingWindows | SlidingWindows,
  records: readonly Received[],
): readonly Span[] {
  const { sizeMs, offsetMs } = assigner;
  const slideMs = assigner.kind === "sliding" ? assigner.slideMs : sizeMs;
  const starts = new Set<number>();
  for (const { atMs } of records) {
    const last = Math.floor((atMs - offsetMs) / slideMs) * slideMs + offsetMs;
    for (let start = last; start > atMs - sizeMs; start -= slideMs) starts.add(start);
  }
  return [...starts].map((start) => {
    const end = start + sizeMs;
    return { start, end, inside: records.filter(({ atMs }) => atMs >= start && atMs < end) };
  });
}
