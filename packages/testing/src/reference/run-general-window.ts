import {
  isProcessingTime,
  type EvictorSpec,
  type GeneralWindowSpec,
  type TriggerSpec,
} from "@millrace/graph";

import { emitWindow } from "./emit-window.ts";
import type { KeyGroup, Received, SideOutputs, Timed } from "./records.ts";
import { runClockWindow } from "./run-clock-window.ts";
import { alignedWindows, type Span } from "./run-window.ts";

/**
 * Returns the results of one key's sessions, global window, or windows with a trigger or an evictor, in
 * the order of the inputs; windows of processing time as `runClockWindow` says. Throws for what depends
 * on more than the records, such as triggers other than by count.
 */
export function runGeneralWindow(
  spec: GeneralWindowSpec,
  { key, records }: KeyGroup,
  side: SideOutputs,
): readonly Timed[] {
  if (isProcessingTime(spec.assigner)) return runClockWindow(spec, { key, records }, side);
  const { aggregate, trigger, evictor } = spec;
  return spansOf(spec.assigner, records).flatMap(({ start, end, inside }) =>
    firingsOf(inside, trigger, evictor).flatMap((fired) => {
      const newestMs = Math.max(...fired.map(({ atMs }) => atMs));
      const atMs = end === Infinity ? newestMs : end - 1;
      return emitWindow(aggregate, { key, window: { start, end }, records: fired, atMs }, side);
    }),
  );
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

/** Returns the records that each firing of a window sees. */
function firingsOf(
  records: readonly Received[],
  trigger: TriggerSpec | undefined,
  evictor: EvictorSpec | undefined,
): readonly (readonly Received[])[] {
  if (trigger === undefined) return [keptOf(records, evictor)];
  const isPurging = trigger.kind === "purging";
  const inner = isPurging ? trigger.of : trigger;
  if (inner.kind !== "count") {
    throw new Error(`the interpreter does not know when a ${inner.kind} trigger fires`);
  }
  const firings: (readonly Received[])[] = [];
  let held: readonly Received[] = [];
  for (const [index, record] of records.entries()) {
    held = [...held, record];
    if ((index + 1) % inner.count !== 0) continue;
    held = keptOf(held, evictor);
    firings.push(held);
    if (isPurging) held = [];
  }
  return firings;
}

function keptOf(
  records: readonly Received[],
  evictor: EvictorSpec | undefined,
): readonly Received[] {
  switch (evictor?.kind) {
    case undefined:
      return records;
    case "count":
      return records.slice(-evictor.count);
    case "time": {
      const newestMs = Math.max(...records.map(({ atMs }) => atMs));
      return records.filter(({ atMs }) => atMs > newestMs - evictor.keepMs);
    }
    case "custom":
      throw new Error("the interpreter does not call evictors of the author");
  }
}
