import { parseDuration, type Duration } from "@millrace/core";
import type { TriggerDecision, TriggerSpec } from "@millrace/graph";

import type { TimeDomain } from "./state.ts";
import type { TimeWindow } from "./window-functions.ts";

/** When windows over records of a type fire. */
export interface Trigger<T> {
  readonly spec: TriggerSpec;
  /** Only types use it. */
  readonly accepts?: (record: T) => void;
}

/** What the functions of a trigger know of the window that is looked at; valid during the call only. */
export interface TriggerContext<S> {
  readonly key: unknown;
  readonly window: TimeWindow;
  /** Event time of the record, or the timer's time. */
  readonly timestamp: number;
  /** The event time that the operator has reached: in a timer the watermark that fires it. */
  readonly watermark: number;
  /** Returns the wall clock's milliseconds since the epoch; not the same when records come again. */
  processingTime(): number;
  /** What the trigger remembers of this key's window. */
  readonly state: { get(): S | undefined; set(value: S): void; clear(): void };
  /** Timers of this key's window; they go with it. */
  readonly timers: {
    atEventTime(timeMs: number): void;
    atProcessingTime(timeMs: number): void;
    /** Drops the timer at the time; of event time by default. */
    cancel(timeMs: number, domain?: TimeDomain): void;
  };
}

/** Functions that decide; `"continue"`, `"fire"`, `"purge"` or `"fire-and-purge"` (Flink's TriggerResult). */
export interface CustomTrigger<T, S> {
  /** Called for each record after it was added to the window. */
  readonly onRecord: (record: T, ctx: TriggerContext<S>) => TriggerDecision;
  /** Called when the watermark reaches a timer; without it nothing happens then. */
  readonly onEventTime?: (timeMs: number, ctx: TriggerContext<S>) => TriggerDecision;
  /** Called when the clock reaches a timer; without it nothing happens then. */
  readonly onProcessingTime?: (timeMs: number, ctx: TriggerContext<S>) => TriggerDecision;
  /** Returns the states of two sessions as one; sessions need it, and it is called only if both have one. */
  readonly merge?: (into: S, from: S) => S;
  /**
   * Called when a session has got other bounds, before `onRecord`, with the state of all that was
   * merged. Its timers are gone: register them again.
   */
  readonly onMerge?: (ctx: TriggerContext<S>) => void;
}

/** When a window fires; without a trigger, at its end (Flink's triggers of the same names). */
export const triggers: {
  /** At the window's end by the watermark, and after it at once for each late record: the default. */
  readonly eventTime: () => Trigger<unknown>;
  /** At the window's end by the clock. */
  readonly processingTime: () => Trigger<unknown>;
  /** At no time; what the window holds is dropped with it. */
  readonly never: () => Trigger<unknown>;
  /** After each `count` records of a window, and not at its end. */
  readonly count: (count: number) => Trigger<unknown>;
  /**
   * At each multiple of the interval before which new records came, and by event time also at the
   * window's end. Flink's fires at the multiples without new records, too.
   */
  readonly continuous: (
    interval: Duration,
    options?: { readonly time?: "event" | "processing" },
  ) => Trigger<unknown>;
  /** As another trigger, and the window's records are forgotten each time. */
  readonly purging: <T>(trigger: Trigger<T>) => Trigger<T>;
  /** The author's own. */
  readonly custom: <T, S = never>(trigger: CustomTrigger<T, S>) => Trigger<T>;
} = {
  eventTime: () => ({ spec: { kind: "event-time" } }),
  processingTime: () => ({ spec: { kind: "processing-time" } }),
  never: () => ({ spec: { kind: "never" } }),
  count: (records) => ({ spec: { kind: "count", count: records } }),
  continuous: (interval, { time = "event" } = {}) => ({
    spec: { kind: "continuous", intervalMs: parseDuration(interval), time },
  }),
  purging: (trigger) => ({ spec: { kind: "purging", of: trigger.spec } }),
  custom: (trigger) => ({ spec: { kind: "custom", ...trigger } }),
};
