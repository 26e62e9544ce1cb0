import type { KeyedBroadcastProcessSpec, OperatorSpec } from "@millrace/graph";

import type { SeededRandom } from "../seeded-random.ts";

/** What adds nodes to a drawn job. */
interface BroadcastGraph {
  /** Returns the node's id. */
  add(name: string, inputs: readonly number[], spec: OperatorSpec): number;
  keyBy(stage: { readonly stream: number; readonly name: string }): number;
}

/**
 * Adds, sometimes, a process beside what is broadcast: at the end of input it says of each key what
 * came with it, and what was broadcast in all. Returns the streams to sink.
 */
export function drawBroadcast(
  draw: SeededRandom,
  graph: BroadcastGraph,
  { records, broadcast }: { readonly records: number; readonly broadcast: number },
): readonly number[] {
  if (!draw.chance(0.5)) return [];
  const keyed = graph.keyBy({ stream: records, name: "beside" });
  const all = graph.add("to-all", [broadcast], { kind: "partition", by: "broadcast" });
  return [graph.add("beside", [keyed, all], besideProcess)];
}

/** Beyond the event time of all records. */
const endMs = 1e12;

interface Value<T> {
  get(): T | undefined;
  set(value: T): void;
}

interface BesideContext {
  readonly key: string;
  readonly state: { readonly count: Value<number> };
  readonly timers: { atEventTime(timeMs: number): void };
  readonly broadcastState: { readonly sums: Map<string, number> };
  emit(value: unknown): void;
}

const besideProcess: KeyedBroadcastProcessSpec = {
  kind: "keyed-broadcast-process",
  state: { count: { kind: "value", version: 1 } },
  broadcastState: ["sums"],
  onRecord: (_record: unknown, { state, timers }: BesideContext) => {
    state.count.set((state.count.get() ?? 0) + 1);
    timers.atEventTime(endMs);
  },
  onBroadcast: (
    { key, amount }: { readonly key: string; readonly amount: number },
    { broadcastState: { sums } }: BesideContext,
  ) => {
    sums.set(key, (sums.get(key) ?? 0) + amount);
  },
  onTimer: (_timeMs: number, context: BesideContext) => {
    const { key, state, broadcastState } = context;
    const sums = [...broadcastState.sums.entries()].map(([name, sum]) => `${name}: ${sum}`);
    context.emit({ key, count: state.count.get() ?? 0, sums: sums.toSorted() });
  },
};
