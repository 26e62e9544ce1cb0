import { isProcessingTime, type GeneralWindowSpec } from "@millrace/graph";

import type { StoredWindow } from "./window-state.ts";

/** The end of time: what is due by then fires at the end of input. */
const endOfTimeMs = Number.MAX_VALUE;

/** When a window of an operator fires by itself, when it is over, and when it next needs a timer. */
export class WindowTimes {
  readonly #isProcessing: boolean;
  readonly #allowedLatenessMs: number;
  readonly #hasTrigger: boolean;
  /** Whether windows are over at no time: the global one, unless it fires by itself. */
  readonly #isEndless: boolean;

  constructor({ assigner, allowedLatenessMs, trigger }: GeneralWindowSpec) {
    this.#isProcessing = isProcessingTime(assigner);
    this.#allowedLatenessMs = allowedLatenessMs;
    this.#hasTrigger = trigger !== undefined;
    this.#isEndless = assigner.kind === "global" && this.#hasTrigger;
  }

  /** Returns the watermark that a window of event time waits for. */
  fireMs(endMs: number): number {
    return Math.min(endMs - 1, endOfTimeMs);
  }

  /** Returns when a window is over: a watermark, or a time of the clock. */
  overMs(endMs: number): number {
    if (this.#isProcessing) return endMs;
    if (this.#isEndless) return Infinity;
    return Math.min(endMs - 1 + this.#allowedLatenessMs, endOfTimeMs);
  }

  /** Returns the next time after the given one at which something in the window is due. */
  nextEventMs({ end, eventTimers }: StoredWindow, afterMs: number): number {
    const triggerMs = eventTimers?.[0] ?? Infinity;
    if (this.#isProcessing) return triggerMs;
    const fireMs = this.fireMs(end);
    const isFiring = !this.#hasTrigger && fireMs > afterMs;
    return Math.min(triggerMs, isFiring ? fireMs : this.overMs(end));
  }

  /** The same of processing time. */
  nextProcessingMs({ end, processingTimers }: StoredWindow): number {
    const triggerMs = processingTimers?.[0] ?? Infinity;
    return this.#isProcessing ? Math.min(triggerMs, end) : triggerMs;
  }
}
