import type { ProcessSpec } from "@millrace/graph";

import type { SeededRandom } from "../seeded-random.ts";
import type { SimRecord } from "../sim-connectors.ts";
import type { SimGraph } from "./sim-graph.ts";

/**
 * Adds, sometimes, a process that holds records back until a timer of processing time lets them go, or
 * the end of input does: each comes out once, whichever it is. Returns the streams to sink.
 */
export function drawHeldRecords(
  draw: SeededRandom,
  graph: SimGraph,
  stream: number,
): readonly number[] {
  if (!draw.chance(0.25)) return [];
  const keyed = graph.keyBy({ stream, name: "held" });
  return [graph.add("held", [keyed], holdingProcess(1 + draw.below(3_000)))];
}

/** Beyond the event time of all records. */
const endMs = 1e12;

interface HoldingContext {
  readonly key: string;
  readonly state: {
    readonly held: {
      get(): readonly SimRecord[] | undefined;
      set(records: readonly SimRecord[]): void;
      clear(): void;
    };
  };
  readonly timers: { atEventTime(timeMs: number): void; atProcessingTime(timeMs: number): void };
  processingTime(): number;
  emit(value: unknown): void;
}

function holdingProcess(delayMs: number): ProcessSpec {
  return {
    kind: "process",
    state: { held: { kind: "value", version: 1 } },
    onRecord(record: SimRecord, context: HoldingContext) {
      const { held } = context.state;
      held.set([...(held.get() ?? []), record]);
      context.timers.atProcessingTime(context.processingTime() + delayMs);
      context.timers.atEventTime(endMs);
    },
    onTimer(_timeMs: number, context: HoldingContext) {
      const { held } = context.state;
      for (const { id, amount } of held.get() ?? []) {
        context.emit({ key: context.key, id, amount });
      }
      held.clear();
    },
  };
}
