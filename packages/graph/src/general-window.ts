import type { JsonValue } from "@millrace/core";

import type { SlidingWindows, TumblingWindows, UserFunction, WindowSpec } from "./stream-graph.ts";
import { windowStateOptions } from "./window-state-options.ts";

/**
 * Windows that lie where records are: from each record's time as long as its gap, touching ones
 * merged into one (Flink's EventTimeSessionWindows).
 */
export interface SessionWindows {
  readonly kind: "session";
  /** Milliseconds, or a function of the record that returns them. */
  readonly gapMs: number | UserFunction<number>;
  /** Absent: event time. */
  readonly time?: "processing";
}

/** One window over all of time (Flink's GlobalWindows); without a trigger it fires at the end of input. */
export interface GlobalWindows {
  readonly kind: "global";
}

/**
 * Windows by number of records of a key, in the order in which they arrive: one of the last `size`
 * after each `slide` records (Flink's countWindow). With `slide` equal to `size` they share none.
 */
export interface CountWindows {
  readonly kind: "count";
  readonly size: number;
  readonly slide: number;
}

/** When a window fires (Flink's Trigger); absent in a spec: at its end. */
export type TriggerSpec =
  | { readonly kind: "event-time" }
  | { readonly kind: "processing-time" }
  | { readonly kind: "never" }
  | { readonly kind: "count"; readonly count: number }
  | {
      readonly kind: "continuous";
      readonly intervalMs: number;
      readonly time: "event" | "processing";
    }
  | { readonly kind: "purging"; readonly of: TriggerSpec }
  | CustomTriggerSpec;

/** What a trigger says: to emit the window's result, to forget its records, both, or neither. */
export type TriggerDecision = "continue" | "fire" | "purge" | "fire-and-purge";

/** Functions of the author, each with the trigger's context as last argument. */
export interface CustomTriggerSpec {
  readonly kind: "custom";
  readonly onRecord: UserFunction<TriggerDecision>;
  readonly onEventTime?: UserFunction<TriggerDecision>;
  readonly onProcessingTime?: UserFunction<TriggerDecision>;
  /** `(into, from)`: the states of two windows as one; needed where windows merge. */
  readonly merge?: UserFunction;
  /** After two windows became one; timers of theirs are gone. */
  readonly onMerge?: UserFunction<void>;
}

/** What of a window's records a firing sees (Flink's Evictor); the others are forgotten. */
export type EvictorSpec =
  | { readonly kind: "count"; readonly count: number }
  | { readonly kind: "time"; readonly keepMs: number }
  | {
      readonly kind: "custom";
      /** `(records, { key, window, watermark }) => records to keep`; each is `{ value, timestamp }`. */
      readonly before?: UserFunction<readonly unknown[]>;
      readonly after?: UserFunction<readonly unknown[]>;
    };

/** Windows with a state for each key and window: what panes cannot do. */
export interface GeneralWindowSpec {
  readonly kind: "general-window";
  readonly assigner: TumblingWindows | SlidingWindows | SessionWindows | GlobalWindows;
  readonly allowedLatenessMs: number;
  readonly lateTag?: string;
  readonly trigger?: TriggerSpec;
  readonly evictor?: EvictorSpec;
  readonly aggregate: WindowSpec["aggregate"];
}

export interface CountWindowSpec {
  readonly kind: "count-window";
  readonly assigner: CountWindows;
  readonly aggregate: WindowSpec["aggregate"];
}

/** Whether the windows lie in processing time. */
export function isProcessingTime(assigner: GeneralWindowSpec["assigner"]): boolean {
  return assigner.kind !== "global" && assigner.time === "processing";
}

/** Returns the operator's part of the plan: everything but functions. */
export function generalWindowOptions(spec: GeneralWindowSpec): JsonValue {
  const { assigner, allowedLatenessMs, lateTag, trigger, evictor } = spec;
  return {
    assigner: assignerOptions(assigner),
    allowedLatenessMs,
    ...(lateTag === undefined ? {} : { lateTag }),
    ...(trigger === undefined ? {} : { trigger: triggerOptions(trigger) }),
    ...(evictor === undefined ? {} : { evictor: evictorOptions(evictor) }),
    ...(spec.aggregate.addSecond === undefined ? {} : { inputs: 2 }),
    ...windowStateOptions(spec.aggregate),
  };
}

function assignerOptions(assigner: GeneralWindowSpec["assigner"]): JsonValue {
  if (assigner.kind !== "session") return { ...assigner };
  const { gapMs, ...rest } = assigner;
  return { ...rest, gapMs: typeof gapMs === "number" ? gapMs : "by record" };
}

function triggerOptions(trigger: TriggerSpec): JsonValue {
  if (trigger.kind === "custom") return { kind: "custom" };
  return trigger.kind === "purging"
    ? { kind: "purging", of: triggerOptions(trigger.of) }
    : { ...trigger };
}

function evictorOptions(evictor: EvictorSpec): JsonValue {
  return evictor.kind === "custom" ? { kind: "custom" } : { ...evictor };
}
