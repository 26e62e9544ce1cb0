import { assert, maxWatermark, minWatermark } from "@millrace/core";
import type { ProcessSpec } from "@millrace/graph";
import type { KeyedBackend, TimerState } from "@millrace/state";

import type { Operator, OperatorContext } from "./operator.ts";
import { createAuthorContext, type AuthorContext } from "./process/author-context.ts";
import { Lifecycle } from "./process/lifecycle.ts";
import { badCall, type StateHandle } from "./process/state-handles.ts";

/** An operator whose keyed state can be gone over from outside of any key. */
export interface KeyedProcess extends Operator {
  /**
   * Calls back for each key that has a value in the state, in no promised order, with the handle that
   * is of that key during the call. Throws `invalid-argument` for a state that is not declared.
   */
  applyToKeyedState(stateName: string, timestampMs: number, apply: ApplyToState): void;
}

export type ApplyToState = (key: unknown, state: StateHandle) => void;

/** Returns the operator that runs an author's functions over keyed state and timers (Flink's KeyedProcessOperator). */
export function createProcessOperator(spec: ProcessSpec): KeyedProcess {
  return new ProcessOperator(spec);
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
class ProcessOperator implements KeyedProcess {
  readonly #spec: ProcessSpec;
  #operator: OperatorContext | undefined;
  #open: Opened | undefined;
  readonly #lifecycle: Lifecycle<OpenContext>;

  readonly finish: (() => Promise<void>) | undefined;
  readonly letGo: (() => Promise<void>) | undefined;

  constructor(spec: ProcessSpec) {
    this.#spec = spec;
    this.#lifecycle = new Lifecycle<OpenContext>(spec);
    this.finish = this.#lifecycle.finish;
    this.letGo = this.#lifecycle.letGo;
  }

  open(operatorContext: OperatorContext): void {
    const { keyed, operatorName } = operatorContext;
    this.#operator = operatorContext;
    assert(keyed !== undefined, `operator ${operatorName} is keyed and has no keyed state`);
    const context = createAuthorContext(this.#spec, keyed, operatorContext);
    this.#open = {
      keyed,
      timers: keyed.timers("event-time"),
      processingTimers: keyed.timers("processing-time"),
      context,
    };
  }

  async start(isRestored: boolean): Promise<void> {
    const operator = this.#operator;
    assert(operator !== undefined, "a process operator was started before open");
    const { operatorName, subtaskIndex, parallelism, attempt } = operator;
    const context = { operatorName, subtaskIndex, parallelism, attempt, isRestored };
    await this.#lifecycle.open(context);
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

  applyToKeyedState(stateName: string, timestampMs: number, apply: ApplyToState): void {
    const { keyed, context } = this.#opened();
    const state = context.state[stateName];
    if (state === undefined) {
      const operatorName = this.#operator?.operatorName ?? "";
      throw badCall(operatorName, `applyToKeyedState: it declares no state ${stateName}`);
    }
    // By it goes the time to live.
    context.timestamp = timestampMs;
    keyed.forEachKey(stateName, (key) => apply(key, state));
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
    const { processingTimers } = this.#opened();
    const isOver = this.#operator?.currentWatermarkMs() === maxWatermark;
    return isOver ? Infinity : processingTimers.nextTimeMs();
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

/** What the author's `open` gets. */
type OpenContext = Pick<
  OperatorContext,
  "operatorName" | "subtaskIndex" | "parallelism" | "attempt"
> & { readonly isRestored: boolean };

interface Opened {
  readonly keyed: KeyedBackend;
  readonly timers: TimerState;
  readonly processingTimers: TimerState;
  readonly context: AuthorContext;
}
