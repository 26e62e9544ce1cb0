import { assert, maxWatermark, minWatermark, StreamError } from "@millrace/core";
import type { ProcessSpec } from "@millrace/graph";
import type { KeyedBackend, TimeDomain, TimerState, ValueState } from "@millrace/state";

import type { Operator, OperatorContext, Output } from "./operator.ts";

/** Returns the operator that runs an author's functions over keyed state and timers (Flink's KeyedProcessOperator). */
export function createProcessOperator(spec: ProcessSpec): Operator {
  return new ProcessOperator(spec);
}

/** What the author's functions get; one object for all records, its fields change. */
interface AuthorContext {
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

interface StateHandle extends Omit<ValueState<unknown>, "cellForUpdate"> {
  update(change: (value: unknown) => unknown): void;
}

/**
 * I1 The key of the record or the timer is current while the author's function runs.
 * I2 A timer fires once: it is removed before its function runs (S11).
 * I3 A timer at or before the watermark, also one registered late, fires when the watermark next
 *    advances; one that a firing registers for a time already reached fires in the same advance.
 *    By processing time it is the same with the clock.
 * I4 After the watermark Infinity, the end of input, no timer of processing time fires any more
 *    (Flink's ProcessingTimeService.quiesce).
 */
class ProcessOperator implements Operator {
  readonly #spec: ProcessSpec;
  #open: Opened | undefined;

  constructor(spec: ProcessSpec) {
    this.#spec = spec;
  }

  open(operatorContext: OperatorContext): void {
    const { keyed, operatorName } = operatorContext;
    assert(keyed !== undefined, `operator ${operatorName} is keyed and has no keyed state`);
    const context = createAuthorContext(this.#spec, keyed, operatorContext);
    this.#open = {
      keyed,
      timers: keyed.timers("event-time"),
      processingTimers: keyed.timers("processing-time"),
      context,
    };
  }

  onRecord(record: unknown, timestampMs: number): void {
    const { context } = this.#opened();
    context.timestamp = timestampMs;
    this.#spec.onRecord(record, context);
  }

  onSecond(record: unknown, timestampMs: number): void {
    const { context } = this.#opened();
    context.timestamp = timestampMs;
    this.#spec.onSecond?.(record, context);
  }

  advanceWatermark(watermarkMs: number, shouldPause: () => boolean): boolean {
    const { keyed, timers, context } = this.#opened();
    context.timeDomain = "event-time";
    while (timers.nextTimeMs() <= watermarkMs) {
      if (shouldPause()) return false;
      const due = timers.popDue(watermarkMs);
      if (due === undefined) return true;
      keyed.setCurrentKey(due.key, due.hash);
      context.timestamp = due.timeMs;
      this.#spec.onTimer?.(due.timeMs, context);
    }
    return true;
  }

  nextProcessingTimeMs(): number {
    const { processingTimers, context } = this.#opened();
    return context.watermark === maxWatermark ? Infinity : processingTimers.nextTimeMs();
  }

  advanceProcessingTime(nowMs: number, shouldPause: () => boolean): boolean {
    const { keyed, processingTimers, context } = this.#opened();
    context.timeDomain = "processing-time";
    while (this.nextProcessingTimeMs() <= nowMs) {
      if (shouldPause()) return false;
      const due = processingTimers.popDue(nowMs);
      if (due === undefined) return true;
      keyed.setCurrentKey(due.key, due.hash);
      context.timestamp = minWatermark;
      this.#spec.onTimer?.(due.timeMs, context);
    }
    return true;
  }

  #opened(): Opened {
    assert(this.#open !== undefined, "a process operator was used before open");
    return this.#open;
  }
}

interface Opened {
  readonly keyed: KeyedBackend;
  readonly timers: TimerState;
  readonly processingTimers: TimerState;
  readonly context: AuthorContext;
}

function createAuthorContext(
  spec: ProcessSpec,
  keyed: KeyedBackend,
  { output, sideOutput, currentWatermarkMs, processingTimeMs, operatorName }: OperatorContext,
): AuthorContext {
  const names = Object.keys(spec.state);
  const sideOutputs = new Map<string, Output>();
  const context: AuthorContext = {
    state: Object.fromEntries(
      names.map((name) => [name, createHandle(keyed, operatorName, name)] as const),
    ),
    timers: createTimers(keyed, operatorName),
    get key() {
      return keyed.currentKey();
    },
    timestamp: minWatermark,
    timeDomain: "event-time",
    processingTime: processingTimeMs,
    get watermark() {
      return currentWatermarkMs();
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
  return {
    atEventTime(timeMs) {
      if (Number.isFinite(timeMs)) eventTimers.register(timeMs);
      else throw badCall(operatorName, `timers.atEventTime(${timeMs}): give a finite number of ms`);
    },
    atProcessingTime(timeMs) {
      if (Number.isFinite(timeMs)) processingTimers.register(timeMs);
      else
        throw badCall(
          operatorName,
          `timers.atProcessingTime(${timeMs}): give a finite number of ms`,
        );
    },
    cancel(timeMs, domain = "event-time") {
      (domain === "event-time" ? eventTimers : processingTimers).remove(timeMs);
    },
  };
}

function createHandle(keyed: KeyedBackend, operatorName: string, name: string): StateHandle {
  const state = keyed.valueState<unknown>(name);
  const set = (value: unknown): void => {
    if (value !== undefined) state.set(value);
    else throw badCall(operatorName, `state.${name}.set(undefined): use clear() instead`);
  };
  return {
    get: () => state.get(),
    set,
    clear: () => {
      state.clear();
    },
    update: (change) => {
      set(change(state.get()));
    },
  };
}

function badCall(operatorName: string, what: string): StreamError {
  return new StreamError("invalid-argument", `operator ${operatorName}: ${what}`, {
    domain: "user",
    retry: "never",
  });
}
