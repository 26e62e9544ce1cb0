import { assert } from "@millrace/core";
import type { CustomTriggerSpec, EvictorSpec, TriggerSpec } from "@millrace/graph";

import type { Received } from "./records.ts";
import type { Span } from "./run-window.ts";

/** A window of a key, and how it fires. */
interface FiringWindow extends Span {
  readonly key: unknown;
  readonly trigger: TriggerSpec | undefined;
  readonly evictor: EvictorSpec | undefined;
}

/**
 * Returns the records that each firing of a window sees. Event time goes on when all records have come:
 * of a `continuous` trigger only the last firing is given, and a custom one's timers fire behind all
 * records. Throws for triggers that go by the clock.
 */
export function firingsOf(window: FiringWindow): readonly (readonly Received[])[] {
  const { trigger } = window;
  const isPurging = trigger?.kind === "purging";
  const inner = isPurging ? trigger.of : trigger;
  switch (inner?.kind) {
    case undefined:
    case "event-time":
    case "continuous":
      assert(inner?.kind !== "continuous" || inner.time === "event", "nobody knows the clock");
      return evict(window, window.inside);
    case "never":
      return [];
    case "count":
      return fireByCount(window, { count: inner.count, isPurging });
    case "custom":
      return fireByAuthor(window, inner);
    case "processing-time":
    case "purging":
      throw new Error(`the interpreter does not know when a ${inner.kind} trigger fires`);
  }
}

function fireByCount(
  window: FiringWindow,
  { count, isPurging }: { readonly count: number; readonly isPurging: boolean },
): readonly (readonly Received[])[] {
  const firings: (readonly Received[])[] = [];
  let held: readonly Received[] = [];
  for (const [index, record] of window.inside.entries()) {
    held = [...held, record];
    if ((index + 1) % count !== 0) continue;
    held = keptOf(window, held);
    firings.push(held);
    if (isPurging) held = [];
  }
  return firings;
}

function fireByAuthor(
  window: FiringWindow,
  { onRecord, onEventTime }: CustomTriggerSpec,
): readonly (readonly Received[])[] {
  const firings: (readonly Received[])[] = [];
  const timers = new Set<number>();
  let held: readonly Received[] = [];
  let state: unknown;
  const context = {
    key: window.key,
    window: { start: window.start, end: window.end },
    timestamp: -Infinity,
    watermark: -Infinity,
    processingTime: () => 0,
    state: {
      get: () => state,
      set: (value: unknown) => void (state = value),
      clear: () => void (state = undefined),
    },
    timers: {
      atEventTime: (timeMs: number) => void timers.add(timeMs),
      atProcessingTime: () => {},
      cancel: (timeMs: number) => void timers.delete(timeMs),
    },
  };
  const follow = (decision: unknown): void => {
    if (decision === "fire" || decision === "fire-and-purge") firings.push(...evict(window, held));
    if (decision === "purge" || decision === "fire-and-purge") held = [];
  };
  for (const record of window.inside) {
    held = [...held, record];
    follow(onRecord(record.value, { ...context, timestamp: record.atMs }));
  }
  for (const timeMs of [...timers].toSorted((left, right) => left - right)) {
    follow(onEventTime?.(timeMs, { ...context, timestamp: timeMs, watermark: timeMs }));
  }
  return firings;
}

/** What is left without records does not fire. */
function evict(
  window: FiringWindow,
  records: readonly Received[],
): readonly (readonly Received[])[] {
  const kept = keptOf(window, records);
  return kept.length === 0 ? [] : [kept];
}

function keptOf(
  { key, start, end, evictor }: FiringWindow,
  records: readonly Received[],
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
    case "custom": {
      if (evictor.before === undefined) return records;
      const shown = new Map<unknown, Received>(
        records.map((record) => [{ value: record.value, timestamp: record.atMs }, record]),
      );
      const details = { key, window: { start, end }, watermark: -Infinity };
      return evictor.before([...shown.keys()], details).flatMap((one) => shown.get(one) ?? []);
    }
  }
}
