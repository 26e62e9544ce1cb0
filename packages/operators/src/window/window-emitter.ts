import type { WindowSpec } from "@millrace/graph";
import type { KeyedBackend } from "@millrace/state";

import type { OperatorContext, Output } from "../operator.ts";
import { createWindowContexts, type WindowContexts } from "./window-contexts.ts";
import type { StoredWindow } from "./window-state.ts";

/** From `start`, inclusive, to `end`, exclusive. */
export interface TimeSpan {
  readonly start: number;
  readonly end: number;
}

/** Emits what windows come to, by the author's `result`: what it returns, or what it emits itself. */
export class WindowEmitter {
  /** Whether the author wants to know when a window is over. */
  readonly hasOnClear: boolean;
  readonly #keyed: KeyedBackend;
  readonly #output: Output;
  readonly #result: WindowSpec["aggregate"]["result"];
  readonly #onClear: WindowSpec["aggregate"]["onClear"];
  readonly #contexts: WindowContexts | undefined;

  constructor(
    context: OperatorContext,
    keyed: KeyedBackend,
    aggregate: Omit<WindowSpec["aggregate"], "create" | "add" | "merge">,
  ) {
    this.#keyed = keyed;
    this.#output = context.output;
    this.#result = aggregate.result;
    this.#onClear = aggregate.onClear;
    this.hasOnClear = aggregate.onClear !== undefined;
    this.#contexts =
      aggregate.emitsItself === true ? createWindowContexts(context, keyed, aggregate) : undefined;
  }

  /** The next results are the window's, which is stored: what its function keeps of it is its state. */
  lookAt(window: StoredWindow): void {
    this.#contexts?.windowStates.lookAt(window);
  }

  /** Emits the result of the current key's window. What it is given must not be state any more. */
  emit(contents: unknown, window: TimeSpan, timestampMs: number): void {
    const contexts = this.#contexts;
    const key = this.#keyed.currentKey();
    if (contexts === undefined) {
      this.#output.emit(this.#result(contents, { key, window }), timestampMs);
      return;
    }
    const { emitting } = contexts;
    emitting.key = key;
    emitting.window = window;
    emitting.timestamp = timestampMs;
    this.#result(contents, emitting);
  }

  /** Tells the author that the current key's window is over; it is the one that was looked at. */
  clear(window: TimeSpan): void {
    const contexts = this.#contexts;
    if (contexts === undefined || this.#onClear === undefined) return;
    const { emitting, clearing } = contexts;
    clearing.key = this.#keyed.currentKey();
    clearing.window = window;
    emitting.timestamp = window.end - 1;
    this.#onClear(clearing);
  }
}

/** Takes the records that are too late for every window. */
export class LateRecords {
  readonly #context: OperatorContext;
  readonly #side: Output | undefined;

  constructor(context: OperatorContext, lateTag: string | undefined) {
    this.#context = context;
    this.#side = lateTag === undefined ? undefined : context.sideOutput(lateTag);
  }

  /** Emits the record to the author's tag, or counts it. */
  take(record: unknown, timestampMs: number): void {
    if (this.#side === undefined) this.#context.countLate(1);
    else this.#side.emit(record, timestampMs);
  }
}
