import type { SlidingWindows, TumblingWindows, WindowSpec } from "@millrace/graph";

import type { KeyGroup, Received, SideOutputs, Timed } from "./records.ts";
import { WindowFunctions } from "./window-functions.ts";

/** Returns the results of one key's tumbling or sliding windows, each by itself. */
export function runWindow(
  { assigner, aggregate }: Pick<WindowSpec, "assigner" | "aggregate">,
  { key, records }: KeyGroup,
  side: SideOutputs,
): readonly Timed[] {
  const functions = new WindowFunctions(aggregate, key, side);
  return alignedWindows(assigner, records).flatMap(({ start, end, inside }) =>
    functions.run({ start, end }, [{ records: inside, atMs: end - 1 }]),
  );
}

/** A window, and what it holds. */
export interface Span {
  readonly start: number;
  readonly end: number;
  readonly inside: readonly Received[];
}

/** Returns the windows that hold any of the records, by time, with those that they hold. */
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
  const ascending = [...starts].toSorted((left, right) => left - right);
  return ascending.map((start) => {
    const end = start + sizeMs;
    return { start, end, inside: records.filter(({ atMs }) => atMs >= start && atMs < end) };
  });
}
