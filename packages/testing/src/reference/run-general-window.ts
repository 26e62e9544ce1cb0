import { isProcessingTime, type GeneralWindowSpec } from "@millrace/graph";

import { firingsOf } from "./fire-windows.ts";
import type { KeyGroup, Received, SideOutputs, Timed } from "./records.ts";
import { runClockWindow } from "./run-clock-window.ts";
import { alignedWindows, type Span } from "./run-window.ts";
import { WindowFunctions } from "./window-functions.ts";

/**
 * Returns the results of one key's sessions, global window, or windows with a trigger or an evictor, in
 * the order of the inputs; windows of processing time as `runClockWindow` says, triggers as `firingsOf`.
 */
export function runGeneralWindow(
  spec: GeneralWindowSpec,
  { key, records }: KeyGroup,
  side: SideOutputs,
): readonly Timed[] {
  if (isProcessingTime(spec.assigner)) return runClockWindow(spec, { key, records }, side);
  const { aggregate, trigger, evictor } = spec;
  const functions = new WindowFunctions(aggregate, key, side);
  return spansOf(spec.assigner, records).flatMap(({ start, end, inside }) => {
    const firings = firingsOf({ key, start, end, inside, trigger, evictor }).map((fired) => {
      const newestMs = Math.max(...fired.map(({ atMs }) => atMs));
      return { records: fired, atMs: end === Infinity ? newestMs : end - 1 };
    });
    return functions.run({ start, end }, firings);
  });
}

function spansOf(
  assigner: GeneralWindowSpec["assigner"],
  records: readonly Received[],
): readonly Span[] {
  if (assigner.kind === "global") return [{ start: -Infinity, end: Infinity, inside: records }];
  if (assigner.kind !== "session") return alignedWindows(assigner, records);
  return sessionsOf(assigner.gapMs, records);
}

/** By time; a span that begins no later than the session ends belongs to it. */
function sessionsOf(
  gapMs: number | ((record: unknown) => number),
  records: readonly Received[],
): readonly Span[] {
  const sessions: { start: number; end: number }[] = [];
  for (const { value, atMs } of records.toSorted((left, right) => left.atMs - right.atMs)) {
    const end = atMs + (typeof gapMs === "number" ? gapMs : gapMs(value));
    const last = sessions.at(-1);
    if (last === undefined || atMs > last.end) sessions.push({ start: atMs, end });
    else last.end = Math.max(last.end, end);
  }
  return sessions.map(({ start, end }) => ({
    start,
    end,
    inside: records.filter(({ atMs }) => atMs >= start && atMs <= end),
  }));
}
