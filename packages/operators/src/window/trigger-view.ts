import { assert, StreamError } from "@millrace/core";
import type { KeyedBackend } from "@millrace/state";

import type { OperatorContext } from "../operator.ts";
import type { TriggerContext } from "./triggers.ts";
import { withoutTime, withTime, type StoredWindow } from "./window-state.ts";

/** What a trigger sees of the window that is looked at: one object for all of them. */
export class TriggerView implements TriggerContext {
  readonly #context: OperatorContext;
  readonly #keyed: KeyedBackend;
  #window: StoredWindow | undefined;
  #timestampMs = -Infinity;
  readonly state: TriggerContext["state"];
  readonly timers: TriggerContext["timers"];

  constructor(context: OperatorContext, keyed: KeyedBackend) {
    this.#context = context;
    this.#keyed = keyed;
    this.state = {
      get: () => this.#stored().trigger,
      set: (value) => {
        this.#stored().trigger = value;
      },
      clear: () => {
        this.#stored().trigger = undefined;
      },
    };
    this.timers = {
      atEventTime: (timeMs) => {
        const window = this.#stored();
        window.eventTimers = withTime(window.eventTimers, this.#checked(timeMs));
      },
      atProcessingTime: (timeMs) => {
        const window = this.#stored();
        window.processingTimers = withTime(window.processingTimers, this.#checked(timeMs));
      },
      cancel: (timeMs, domain = "event-time") => {
        const window = this.#stored();
        if (domain === "event-time") window.eventTimers = withoutTime(window.eventTimers, timeMs);
        else window.processingTimers = withoutTime(window.processingTimers, timeMs);
      },
    };
  }

  lookAt(window: StoredWindow, timestampMs: number): void {
    this.#window = window;
    this.#timestampMs = timestampMs;
  }

  get key(): unknown {
    return this.#keyed.currentKey();
  }

  get window(): { readonly start: number; readonly end: number } {
    const { start, end } = this.#stored();
    return { start, end };
  }

  get timestamp(): number {
    return this.#timestampMs;
  }

  get watermark(): number {
    return this.#context.seenWatermarkMs();
  }

  processingTime(): number {
    return this.#context.processingTimeMs();
  }

  #stored(): StoredWindow {
    assert(this.#window !== undefined, "a trigger was asked before there was a window");
    return this.#window;
  }

  #checked(timeMs: number): number {
    if (Number.isFinite(timeMs)) return timeMs;
    throw new StreamError(
      "invalid-argument",
      `operator ${this.#context.operatorName}: a trigger's timer at ${timeMs}: give a finite number of ms`,
      { domain: "user", retry: "never" },
    );
  }
}
