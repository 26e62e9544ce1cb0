import { minWatermark } from "@millrace/core";
import type { ProcessSpec } from "@millrace/graph";
import type { KeyedBackend, TimeDomain } from "@millrace/state";

import type { OperatorContext, Output } from "../operator.ts";
import { badCall, createStateHandles, type StateHandle } from "./state-handles.ts";
import type { OperatorTimes } from "./time-to-live-of.ts";

/** What the author's functions get; one object for all records, its fields change. */
export interface AuthorContext {
  readonly state: Readonly<Record<string, StateHandle>>;
  readonly timers: AuthorTimers;
  readonly key: unknown;
  timestamp: number;
  readonly watermark: number;
  /** What the timer that fires waited for. */
  timeDomain: TimeDomain;
  processingTime(): number;
  emit(value: unknown): void;
  emitTo(tag: { readonly name: string }, value: unknown): void;
}

interface AuthorTimers {
  atEventTime(timeMs: number): void;
  atProcessingTime(timeMs: number): void;
  cancel(timeMs: number, domain?: TimeDomain): void;
}

/** Returns what an operator hands to the author's functions, with the states that it declares. */
export function createAuthorContext(
  { state }: ProcessSpec,
  keyed: KeyedBackend,
  operator: OperatorContext,
): AuthorContext {
  const { output, sideOutput, processingTimeMs, operatorName } = operator;
  const { currentWatermarkMs, seenWatermarkMs } = operator;
  const sideOutputs = new Map<string, Output>();
  const times: OperatorTimes = {
    timestampMs: () => context.timestamp,
    watermarkMs: currentWatermarkMs,
    processingTimeMs,
  };
  const context: AuthorContext = {
    state: createStateHandles(keyed, { operatorName, specs: state, times }),
    timers: createTimers(keyed, operatorName),
    get key() {
      return keyed.currentKey();
    },
    timestamp: minWatermark,
    timeDomain: "event-time",
    processingTime: processingTimeMs,
    get watermark() {
      return seenWatermarkMs();
    },
    emit(value) {
      output.emit(value, context.timestamp);
    },
    emitTo({ name }, value) {
      let side = sideOutputs.get(name);
      if (side === undefined) {
        side = sideOutput(name);
        sideOutputs.set(name, side);
      }
      side.emit(value, context.timestamp);
    },
  };
  return context;
}

function createTimers(keyed: KeyedBackend, operatorName: string): AuthorTimers {
  const eventTimers = keyed.timers("event-time");
  const processingTimers = keyed.timers("processing-time");
  const checked = (call: string, timeMs: number): number => {
    if (Number.isFinite(timeMs)) return timeMs;
    throw badCall(operatorName, `timers.${call}(${timeMs}): give a finite number of ms`);
  };
  return {
    atEventTime(timeMs) {
      eventTimers.register(checked("atEventTime", timeMs));
    },
    atProcessingTime(timeMs) {
      processingTimers.register(checked("atProcessingTime", timeMs));
    },
    cancel(timeMs, domain = "event-time") {
      (domain === "event-time" ? eventTimers : processingTimers).remove(timeMs);
    },
  };
}
