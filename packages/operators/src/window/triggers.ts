import { assertNever } from "@millrace/core";
import type { CustomTriggerSpec, TriggerDecision, TriggerSpec } from "@millrace/graph";

/** What a trigger knows and may do of the window that is looked at; one object for all windows. */
export interface TriggerContext {
  readonly key: unknown;
  readonly window: { readonly start: number; readonly end: number };
  /** Event time of the record, or the timer's time. */
  readonly timestamp: number;
  readonly watermark: number;
  processingTime(): number;
  readonly state: { get(): unknown; set(value: unknown): void; clear(): void };
  readonly timers: {
    atEventTime(timeMs: number): void;
    atProcessingTime(timeMs: number): void;
    cancel(timeMs: number, domain?: "event-time" | "processing-time"): void;
  };
}

/**
 * Decides when a window fires. What it remembers of a window lies in `context.state`.
 *
 * I1 A trigger that purges leaves no state and no timers where it wants none: then nothing is stored.
 */
export interface Trigger {
  onRecord(record: unknown, context: TriggerContext): TriggerDecision;
  onEventTime(timeMs: number, context: TriggerContext): TriggerDecision;
  onProcessingTime(timeMs: number, context: TriggerContext): TriggerDecision;
  /** Returns the states of two windows as one; neither is undefined. */
  merge(into: unknown, from: unknown): unknown;
  /** The window is a merged one; timers of its parts are gone. */
  onMerge(context: TriggerContext): void;
}

/** Returns the trigger of a spec; of windows that end by processing time or by the watermark. */
export function createTrigger(spec: TriggerSpec, isProcessing: boolean): Trigger {
  switch (spec.kind) {
    case "event-time":
      return eventTimeTrigger;
    case "processing-time":
      return processingTimeTrigger;
    case "never":
      return silentTrigger;
    case "count":
      return createCountTrigger(spec.count);
    case "continuous":
      return spec.time === "event"
        ? createContinuousEventTrigger(spec.intervalMs)
        : createContinuousProcessingTrigger(spec.intervalMs, isProcessing);
    case "purging":
      return purging(createTrigger(spec.of, isProcessing));
    case "custom":
      return customTrigger(spec);
    default:
      return assertNever(spec);
  }
}

/** Does nothing; the others say what they do. */
const silentTrigger: Trigger = {
  onRecord: () => "continue",
  onEventTime: () => "continue",
  onProcessingTime: () => "continue",
  merge: (into) => into,
  onMerge: () => {},
};

const lastMsOf = ({ window }: TriggerContext): number => Math.min(window.end - 1, Number.MAX_VALUE);

const eventTimeTrigger: Trigger = {
  ...silentTrigger,
  onRecord(_record, context) {
    if (lastMsOf(context) <= context.watermark) return "fire";
    context.timers.atEventTime(lastMsOf(context));
    return "continue";
  },
  onEventTime: (timeMs, context) => (timeMs === lastMsOf(context) ? "fire" : "continue"),
  onMerge(context) {
    // Where the watermark is past the end already, the record that merged them fires.
    if (lastMsOf(context) > context.watermark) context.timers.atEventTime(lastMsOf(context));
  },
};

const processingTimeTrigger: Trigger = {
  ...silentTrigger,
  onRecord(_record, context) {
    context.timers.atProcessingTime(context.window.end);
    return "continue";
  },
  onProcessingTime: () => "fire",
  onMerge(context) {
    context.timers.atProcessingTime(context.window.end);
  },
};

function createCountTrigger(count: number): Trigger {
  return {
    ...silentTrigger,
    onRecord(_record, { state }) {
      const next = numberIn(state.get(), 0) + 1;
      if (next >= count) state.clear();
      else state.set(next);
      return next >= count ? "fire" : "continue";
    },
    merge: (into, from) => numberIn(into, 0) + numberIn(from, 0),
  };
}

/** The state is the next time at which it fires; there is none while there are no new records. */
function createContinuousEventTrigger(intervalMs: number): Trigger {
  return {
    ...silentTrigger,
    onRecord(_record, context) {
      if (lastMsOf(context) <= context.watermark) return "fire";
      context.timers.atEventTime(lastMsOf(context));
      if (context.state.get() !== undefined) return "continue";
      const nextMs = nextMultiple(context.timestamp, intervalMs);
      context.state.set(nextMs);
      context.timers.atEventTime(nextMs);
      return "continue";
    },
    onEventTime(timeMs, context) {
      if (context.state.get() === timeMs) context.state.clear();
      else if (timeMs !== lastMsOf(context)) return "continue";
      return "fire";
    },
    merge: (into, from) => Math.min(numberIn(into, Infinity), numberIn(from, Infinity)),
    onMerge(context) {
      if (lastMsOf(context) > context.watermark) context.timers.atEventTime(lastMsOf(context));
      const nextMs = context.state.get();
      if (typeof nextMs === "number") context.timers.atEventTime(nextMs);
    },
  };
}

/** The last firing of a window that ends by processing time is at its end. */
function createContinuousProcessingTrigger(intervalMs: number, isProcessing: boolean): Trigger {
  return {
    ...silentTrigger,
    onRecord(_record, context) {
      if (context.state.get() !== undefined) return "continue";
      const multipleMs = nextMultiple(context.processingTime(), intervalMs);
      const nextMs = isProcessing ? Math.min(multipleMs, context.window.end) : multipleMs;
      context.state.set(nextMs);
      context.timers.atProcessingTime(nextMs);
      return "continue";
    },
    onProcessingTime(timeMs, context) {
      if (context.state.get() !== timeMs) return "continue";
      context.state.clear();
      return "fire";
    },
    merge: (into, from) => Math.min(numberIn(into, Infinity), numberIn(from, Infinity)),
    onMerge(context) {
      const nextMs = context.state.get();
      if (typeof nextMs === "number") context.timers.atProcessingTime(nextMs);
    },
  };
}

function purging(trigger: Trigger): Trigger {
  const purge = (decision: TriggerDecision): TriggerDecision =>
    decision === "fire" ? "fire-and-purge" : decision;
  return {
    onRecord: (record, context) => purge(trigger.onRecord(record, context)),
    onEventTime: (timeMs, context) => purge(trigger.onEventTime(timeMs, context)),
    onProcessingTime: (timeMs, context) => purge(trigger.onProcessingTime(timeMs, context)),
    merge: (into, from) => trigger.merge(into, from),
    onMerge: (context) => {
      trigger.onMerge(context);
    },
  };
}

function customTrigger(spec: CustomTriggerSpec): Trigger {
  const { onRecord, onEventTime, onProcessingTime, merge, onMerge } = spec;
  return {
    onRecord: (record, context) => onRecord(record, context),
    onEventTime: (timeMs, context) => onEventTime?.(timeMs, context) ?? "continue",
    onProcessingTime: (timeMs, context) => onProcessingTime?.(timeMs, context) ?? "continue",
    merge: (into, from): unknown => (merge === undefined ? into : merge(into, from)),
    onMerge: (context) => onMerge?.(context),
  };
}

function nextMultiple(timeMs: number, intervalMs: number): number {
  return (Math.floor(timeMs / intervalMs) + 1) * intervalMs;
}

function numberIn(value: unknown, otherwise: number): number {
  return typeof value === "number" ? value : otherwise;
}
