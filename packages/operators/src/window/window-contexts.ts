import type { WindowSpec } from "@millrace/graph";
import type { KeyedBackend } from "@millrace/state";

import type { OperatorContext, Output } from "../operator.ts";
import { createStateHandles, type StateHandle } from "../process/state-handles.ts";
import { WindowStates } from "./window-states.ts";

interface Bounds {
  readonly start: number;
  readonly end: number;
}

/** What an author's function over windows gets in each of its calls. */
interface WindowContext {
  key: unknown;
  window: Bounds;
  readonly watermark: number;
  readonly windowState: Readonly<Record<string, StateHandle>>;
  readonly globalState: Readonly<Record<string, StateHandle>>;
  processingTime(): number;
}

interface EmittingContext extends WindowContext {
  timestamp: number;
  emit(value: unknown): void;
  emitTo(tag: { readonly name: string }, value: unknown): void;
}

/** One object of each kind for all windows, whose fields change. */
export interface WindowContexts {
  readonly emitting: EmittingContext;
  /** For when a window is over: nothing can follow it. */
  readonly clearing: WindowContext;
  readonly windowStates: WindowStates;
}

/** Returns what an operator over windows hands to the author's functions (Flink's ProcessWindowFunction.Context). */
export function createWindowContexts(
  operator: OperatorContext,
  keyed: KeyedBackend,
  { windowState, globalState = {} }: Pick<WindowSpec["aggregate"], "windowState" | "globalState">,
): WindowContexts {
  const { operatorName, output, sideOutput, processingTimeMs, seenWatermarkMs } = operator;
  const sideOutputs = new Map<string, Output>();
  const windowStates = new WindowStates(operatorName, windowState);
  const shared = {
    key: undefined,
    window: { start: 0, end: 0 },
    windowState: windowStates.handles,
    globalState: createStateHandles(keyed, {
      operatorName,
      specs: globalState,
      group: "globalState",
      times: {
        timestampMs: () => emitting.timestamp,
        watermarkMs: operator.currentWatermarkMs,
        processingTimeMs,
      },
    }),
    processingTime: processingTimeMs,
  };
  const emitting: EmittingContext = {
    ...shared,
    timestamp: 0,
    get watermark() {
      return seenWatermarkMs();
    },
    emit(value) {
      output.emit(value, emitting.timestamp);
    },
    emitTo({ name }, value) {
      let side = sideOutputs.get(name);
      if (side === undefined) {
        side = sideOutput(name);
        sideOutputs.set(name, side);
      }
      side.emit(value, emitting.timestamp);
    },
  };
  const clearing: WindowContext = {
    ...shared,
    get watermark() {
      return seenWatermarkMs();
    },
  };
  return { emitting, clearing, windowStates };
}
