import type { BroadcastProcessSpec, PlainFunctions } from "@millrace/graph";

import type { SeededRandom } from "../seeded-random.ts";
import type { SimRecord } from "../sim-connectors.ts";
import type { SimGraph } from "./sim-graph.ts";

/**
 * Adds, sometimes, operators without keys: a tally in union list state, a process beside what is
 * broadcast, lines of the log. Returns the streams to sink.
 */
export function drawPlain(
  draw: SeededRandom,
  graph: SimGraph,
  { stream, broadcast }: { readonly stream: number; readonly broadcast: number },
): readonly number[] {
  const ends: number[] = [];
  if (draw.chance(0.15)) {
    const spread = graph.add("tally-spread", [stream], { kind: "rebalance" });
    ends.push(graph.add("tally", [spread], { kind: "plain-process", create: createTally }));
  }
  if (draw.chance(0.15)) {
    const all = graph.add("told-to-all", [broadcast], { kind: "partition", by: "broadcast" });
    ends.push(graph.add("told", [stream, all], tellingProcess));
  }
  if (draw.chance(0.1)) graph.add("printed", [stream], { kind: "print", label: "seen" });
  return ends;
}

interface Lists {
  unionList(name: string): { get(): readonly number[]; set(elements: readonly number[]): void };
}

interface Place {
  readonly subtaskIndex: number;
  readonly operatorState: Lists;
}

/** At the end of input it emits as many records as it has seen: after a restore one subtask knows of all. */
function createTally(): PlainFunctions {
  let count = 0;
  return {
    initializeState: ({ subtaskIndex, operatorState }: Place) => {
      const counts = operatorState.unionList("counts").get();
      count = subtaskIndex === 0 ? counts.reduce((sum, one) => sum + one, 0) : 0;
    },
    snapshotState: ({ operatorState }: Place) => {
      operatorState.unionList("counts").set([count]);
    },
    onRecord: () => {
      count += 1;
    },
    onEnd: (ctx: { emit(value: unknown): void }) => {
      for (; count > 0; count -= 1) ctx.emit({ counted: 1 });
    },
  };
}

interface TellingContext {
  readonly broadcastState: { readonly amounts: Map<string, number> };
  emit(value: unknown): void;
}

/** What had been broadcast when a record came is left to chance: it says only whether that can be. */
const tellingProcess: BroadcastProcessSpec = {
  kind: "broadcast-process",
  broadcastState: ["amounts"],
  onRecord: ({ id, key, amount }: SimRecord, context: TellingContext) => {
    const known = context.broadcastState.amounts.get(key) ?? 0;
    context.emit({ id, key, amount, isPossible: Number.isFinite(known) && known >= 0 });
  },
  onBroadcast: ({ key, amount }: SimRecord, { broadcastState: { amounts } }: TellingContext) => {
    amounts.set(key, (amounts.get(key) ?? 0) + amount);
  },
};
