import type { WindowSpec } from "@millrace/graph";
import type { KeyedBackend } from "@millrace/state";

import type { OperatorContext, Output } from "../operator.ts";

/** From `start`, inclusive, to `end`, exclusive. */
export interface TimeSpan {
  readonly start: number;
  readonly end: number;
}

/** What an author's function that emits by itself gets; one object for all windows. */
interface EmittingContext {
  key: unknown;
  window: TimeSpan;
  timestamp: number;
  readonly watermark: number;
  emit(value: unknown): void;
  emitTo(tag: { readonly name: string }, value: unknown): void;
}

/** Emits what windows come to, by the author's `result`: what it returns, or what it emits itself. */
export class WindowEmitter {
  readonly #keyed: KeyedBackend;
  readonly #output: Output;
  readonly #result: WindowSpec["aggregate"]["result"];
  readonly #emitting: EmittingContext | undefined;

  constructor(
    context: OperatorContext,
    keyed: KeyedBackend,
    aggregate: Pick<WindowSpec["aggregate"], "result" | "emitsItself">,
  ) {
    this.#keyed = keyed;
    this.#output = context.output;
    this.#result = aggregate.result;
    this.#emitting = aggregate.emitsItself === true ? createEmittingContext(context) : undefined;
  }

  /** Emits the result of the current key's window. What it is given must not be state any more. */
  emit(contents: unknown, window: TimeSpan, timestampMs: number): void {
    const emitting = this.#emitting;
    const key = this.#keyed.currentKey();
    if (emitting === undefined) {
      this.#output.emit(this.#result(contents, { key, window }), timestampMs);
      return;
    }
    emitting.key = key;
    emitting.window = window;
    emitting.timestamp = timestampMs;
    this.#result(contents, emitting);
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

function createEmittingContext({
  output,
  sideOutput,
  currentWatermarkMs,
}: OperatorContext): EmittingContext {
  const sideOutputs = new Map<string, Output>();
  const context: EmittingContext = {
    key: undefined,
    window: { start: 0, end: 0 },
    timestamp: 0,
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
