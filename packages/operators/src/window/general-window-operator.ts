import { assert, StreamError } from "@millrace/core";
import {
  isProcessingTime,
  paneLayoutOf,
  type GeneralWindowSpec,
  type PaneLayout,
  type TriggerDecision,
} from "@millrace/graph";
import type { KeyedBackend, TimerState, ValueState } from "@millrace/state";

import type { Operator, OperatorContext } from "../operator.ts";
import { checkEventTime } from "./check-event-time.ts";
import { findTouching, Sessions } from "./session-windows.ts";
import { TriggerView } from "./trigger-view.ts";
import { createTrigger, type Trigger } from "./triggers.ts";
import { WindowContents } from "./window-contents.ts";
import { LateRecords, WindowEmitter } from "./window-emitter.ts";
import {
  allOfTime,
  newKeyWindows,
  openWindow,
  type KeyWindows,
  type StoredWindow,
} from "./window-state.ts";
import { WindowTimes } from "./window-times.ts";

/**
 * Returns the operator for windows that panes cannot do: sessions, the global window, windows with a
 * trigger or an evictor, windows of processing time (Flink's WindowOperator).
 */
export function createGeneralWindowOperator(spec: GeneralWindowSpec): Operator {
  return new GeneralWindowOperator(spec);
}

interface Opened {
  readonly context: OperatorContext;
  readonly keyed: KeyedBackend;
  readonly state: ValueState<KeyWindows>;
  readonly eventTimers: TimerState;
  readonly processingTimers: TimerState;
  readonly contents: WindowContents;
  readonly late: LateRecords;
  readonly view: TriggerView;
  readonly sessions: Sessions;
}

/** When a record is: by the time that assigns it to windows, and by its own. */
interface RecordTimes {
  timeMs: number;
  timestampMs: number;
}

/**
 * Windows by key, stored in one cell for each key, with timers for what is next due in it.
 *
 * I1 A key with windows has a timer at or before whatever is next due in any of them. It is not moved
 *    when a session grows, but registered again where it finds that it came too early: timers cost
 *    by window and gap, not by record.
 * I2 A record counts for its windows that are not over: those whose end - 1, with the allowed lateness,
 *    lies behind the watermark. If there is none, it is late. A session is judged once it is merged.
 * I3 Without a trigger a window fires when its end - 1 is reached by the watermark, or its end by the
 *    clock, and after that at once for each late record. A window is over after the trigger has seen
 *    the same time.
 * I4 Windows that are over are gone from the state, with what the author's function kept of them; so is a
 *    global window with nothing in it.
 */
class GeneralWindowOperator implements Operator {
  readonly #spec: GeneralWindowSpec;
  readonly #isProcessing: boolean;
  readonly #layout: PaneLayout | undefined;
  readonly #trigger: Trigger | undefined;
  readonly #times: WindowTimes;
  #opened: Opened | undefined;
  #isRestored = false;
  /** The last watermark whose timers have all fired. */
  #watermarkMs = -Infinity;
  /** Of the record that runs: one object for all. */
  readonly #at: RecordTimes = { timeMs: 0, timestampMs: 0 };
  readonly #span = { start: 0, end: 0 };

  constructor(spec: GeneralWindowSpec) {
    const { assigner, trigger } = spec;
    this.#spec = spec;
    this.#isProcessing = isProcessingTime(assigner);
    const isAligned = assigner.kind === "tumbling" || assigner.kind === "sliding";
    this.#layout = isAligned ? paneLayoutOf(assigner) : undefined;
    this.#trigger = trigger === undefined ? undefined : createTrigger(trigger, this.#isProcessing);
    this.#times = new WindowTimes(spec);
  }

  open(context: OperatorContext): void {
    const { keyed, operatorName, seenWatermarkMs } = context;
    assert(keyed !== undefined, `operator ${operatorName} is keyed and has no keyed state`);
    const contents = new WindowContents({
      spec: this.#spec,
      emitter: new WindowEmitter(context, keyed, this.#spec.aggregate),
      currentKey: () => keyed.currentKey(),
      seenWatermarkMs,
    });
    this.#opened = {
      context,
      keyed,
      state: keyed.valueState("windows"),
      eventTimers: keyed.timers("event-time"),
      processingTimers: keyed.timers("processing-time"),
      contents,
      sessions: new Sessions((into, from) => this.#merge(contents, into, from)),
      late: new LateRecords(context, this.#spec.lateTag),
      view: new TriggerView(context, keyed),
    };
  }

  onRecord(record: unknown, timestampMs: number): void {
    const { context, late } = this.#start();
    const at = this.#at;
    at.timeMs = this.#isProcessing ? context.turnTimeMs() : timestampMs;
    at.timestampMs = timestampMs;
    if (!this.#takeIn(record, at)) late.take(record, timestampMs);
  }

  advanceWatermark(watermarkMs: number, shouldPause: () => boolean): boolean {
    const { keyed, eventTimers } = this.#start();
    while (eventTimers.nextTimeMs() <= watermarkMs) {
      if (shouldPause()) return false;
      const due = eventTimers.popDue(watermarkMs);
      if (due === undefined) break;
      keyed.setCurrentKey(due.key, due.hash);
      this.#onTimer(due.timeMs, true);
    }
    this.#watermarkMs = Math.max(this.#watermarkMs, watermarkMs);
    return true;
  }

  nextProcessingTimeMs(): number {
    const { processingTimers, context } = this.#start();
    // As for the author's timers, the end of input ends them.
    return context.currentWatermarkMs() === Infinity ? Infinity : processingTimers.nextTimeMs();
  }

  advanceProcessingTime(nowMs: number, shouldPause: () => boolean): boolean {
    const { keyed, processingTimers } = this.#start();
    while (this.nextProcessingTimeMs() <= nowMs) {
      if (shouldPause()) return false;
      const due = processingTimers.popDue(nowMs);
      if (due === undefined) break;
      keyed.setCurrentKey(due.key, due.hash);
      this.#onTimer(due.timeMs, false);
    }
    return true;
  }

  /** Adds the record to its windows; false if all of them are over. */
  #takeIn(record: unknown, at: RecordTimes): boolean {
    const { assigner } = this.#spec;
    if (assigner.kind === "global") {
      const windows = this.#ofKey();
      this.#addTo(openWindow(windows, allOfTime), record, at);
      this.#settle(windows, this.#watermarkMs);
      return true;
    }
    checkEventTime(at.timeMs, this.#start().context.operatorName);
    if (assigner.kind === "session") return this.#takeIntoSession(record, at);
    return this.#takeIntoAligned(record, at);
  }

  #takeIntoAligned(record: unknown, at: RecordTimes): boolean {
    const layout = this.#layout;
    assert(layout !== undefined, "tumbling and sliding windows have panes");
    const { sizeMs, slideMs, offsetMs } = layout;
    const last = Math.floor((at.timeMs - offsetMs) / slideMs) * slideMs + offsetMs;
    if (this.#isOver(last + sizeMs)) return false;
    const windows = this.#ofKey();
    for (let start = last; start > at.timeMs - sizeMs; start -= slideMs) {
      // The earlier the window, the earlier it is over.
      if (this.#isOver(start + sizeMs)) break;
      this.#addTo(openWindow(windows, { start, end: start + sizeMs }), record, at);
    }
    this.#settle(windows, this.#watermarkMs);
    return true;
  }

  #takeIntoSession(record: unknown, at: RecordTimes): boolean {
    const { state, view, sessions } = this.#start();
    const span = this.#span;
    span.start = at.timeMs;
    span.end = at.timeMs + this.#gapOf(record);
    // What it merges with is not over, so the whole is not either.
    const touches = findTouching(state.get()?.windows, span) !== undefined;
    if (!touches && this.#isOver(span.end)) return false;
    const windows = this.#ofKey();
    const trigger = this.#trigger;
    const window = sessions.add(windows.windows, span);
    if (trigger !== undefined && sessions.hasChanged) {
      window.eventTimers = undefined;
      window.processingTimers = undefined;
      view.lookAt(window, at.timestampMs);
      trigger.onMerge(view);
    }
    this.#addTo(window, record, at);
    this.#settle(windows, this.#watermarkMs);
    return true;
  }

  /** Takes the later session into the earlier one. */
  #merge(contents: WindowContents, into: StoredWindow, from: StoredWindow): void {
    contents.merge(into, from);
    const trigger = this.#trigger;
    if (trigger === undefined || from.trigger === undefined) return;
    into.trigger =
      into.trigger === undefined ? from.trigger : trigger.merge(into.trigger, from.trigger);
  }

  #addTo(window: StoredWindow, record: unknown, at: RecordTimes): void {
    const { contents, view } = this.#start();
    contents.add(window, record, at);
    if (this.#trigger !== undefined) {
      view.lookAt(window, at.timestampMs);
      this.#apply(this.#trigger.onRecord(record, view), window);
    } else if (!this.#isProcessing && this.#times.fireMs(window.end) <= this.#watermarkMs) {
      contents.fire(window, false);
    }
  }

  #onTimer(timeMs: number, isEventTime: boolean): void {
    const { state, contents } = this.#start();
    // The key's windows may have gone before its timer.
    if (state.get() === undefined) return;
    const windows = this.#ofKey();
    if (isEventTime && timeMs >= windows.eventTimerMs) windows.eventTimerMs = Infinity;
    if (!isEventTime && timeMs >= windows.processingTimerMs) windows.processingTimerMs = Infinity;
    for (const window of windows.windows) {
      if (isEventTime) this.#fireByEventTime(window, timeMs);
      else this.#fireByProcessingTime(window, timeMs);
    }
    const isLeft = ({ end }: StoredWindow): boolean =>
      isEventTime === this.#isProcessing || this.#times.overMs(end) > timeMs;
    if (contents.isFinishing) {
      for (const window of windows.windows) if (!isLeft(window)) contents.finish(window);
    }
    keepOnly(windows.windows, isLeft);
    this.#settle(windows, isEventTime ? Math.max(timeMs, this.#watermarkMs) : this.#watermarkMs);
  }

  #fireByEventTime(window: StoredWindow, timeMs: number): void {
    const { contents, view } = this.#start();
    if (this.#trigger === undefined) {
      const { end } = window;
      const isDue = !this.#isProcessing && this.#times.fireMs(end) === timeMs;
      if (isDue) contents.fire(window, this.#times.overMs(end) === timeMs);
      return;
    }
    for (;;) {
      const dueMs = window.eventTimers?.[0] ?? Infinity;
      if (dueMs > timeMs) return;
      view.lookAt(window, dueMs);
      view.timers.cancel(dueMs, "event-time");
      this.#apply(this.#trigger.onEventTime(dueMs, view), window);
    }
  }

  #fireByProcessingTime(window: StoredWindow, timeMs: number): void {
    const { contents, view } = this.#start();
    if (this.#trigger === undefined) {
      if (this.#isProcessing && window.end <= timeMs) contents.fire(window, true);
      return;
    }
    for (;;) {
      const dueMs = window.processingTimers?.[0] ?? Infinity;
      if (dueMs > timeMs) return;
      view.lookAt(window, -Infinity);
      view.timers.cancel(dueMs, "processing-time");
      this.#apply(this.#trigger.onProcessingTime(dueMs, view), window);
    }
  }

  #apply(decision: TriggerDecision, window: StoredWindow): void {
    const { contents } = this.#start();
    const isPurged = decision === "purge" || decision === "fire-and-purge";
    if (decision === "fire" || decision === "fire-and-purge") contents.fire(window, isPurged);
    if (isPurged) contents.clear(window);
  }

  /** Registers the key's timers for what is due after the time, or forgets a key without windows. */
  #settle(windows: KeyWindows, afterMs: number): void {
    const { state, eventTimers, processingTimers } = this.#start();
    if (this.#spec.assigner.kind === "global") keepOnly(windows.windows, isInUse);
    if (windows.windows.length === 0) {
      state.clear();
      return;
    }
    for (const window of windows.windows) {
      const eventMs = this.#times.nextEventMs(window, afterMs);
      if (eventMs < windows.eventTimerMs) {
        windows.eventTimerMs = eventMs;
        eventTimers.register(eventMs);
      }
      const processingMs = this.#times.nextProcessingMs(window);
      if (processingMs < windows.processingTimerMs) {
        windows.processingTimerMs = processingMs;
        processingTimers.register(processingMs);
      }
    }
  }

  /** Returns what is stored of the current key, safe to change. */
  #ofKey(): KeyWindows {
    const cell = this.#start().state.cellForUpdate();
    cell.value ??= newKeyWindows();
    return cell.value;
  }

  #isOver(endMs: number): boolean {
    return !this.#isProcessing && this.#times.overMs(endMs) <= this.#watermarkMs;
  }

  #gapOf(record: unknown): number {
    const { assigner } = this.#spec;
    assert(assigner.kind === "session", "only sessions have a gap");
    const gapMs = typeof assigner.gapMs === "number" ? assigner.gapMs : assigner.gapMs(record);
    if (gapMs > 0 && Number.isFinite(gapMs)) return gapMs;
    throw new StreamError(
      "invalid-argument",
      `operator ${this.#start().context.operatorName}: the gap of a session is ${gapMs} ms: give a finite number above 0`,
      { domain: "user", retry: "never" },
    );
  }

  /** Takes over what was restored: the watermark is known with the first call of this attempt. */
  #start(): Opened {
    assert(this.#opened !== undefined, "a window operator was used before open");
    if (this.#isRestored) return this.#opened;
    this.#isRestored = true;
    this.#watermarkMs = this.#opened.context.currentWatermarkMs();
    return this.#opened;
  }
}

function isInUse(window: StoredWindow): boolean {
  return [window.contents, window.trigger, window.eventTimers, window.processingTimers].some(
    (part) => part !== undefined,
  );
}

function keepOnly(windows: StoredWindow[], isKept: (window: StoredWindow) => boolean): void {
  for (let index = windows.length - 1; index >= 0; index -= 1) {
    const window = windows[index];
    if (window !== undefined && !isKept(window)) windows.splice(index, 1);
  }
}
