import type { KeyedBroadcastProcessSpec } from "@millrace/graph";

import type { SeededRandom } from "../seeded-random.ts";
import type { SimRecord } from "../sim-connectors.ts";
import type { JoinInputs } from "./joins.ts";
import type { SimGraph } from "./sim-graph.ts";

/**
 * Adds, sometimes, what goes over the state of all keys for each record that is broadcast, and a
 * join with a table that every subtask keeps whole. What comes out does not depend on which side is
 * read first. Returns the streams to sink.
 */
export function addBroadcasts(
  random: SeededRandom,
  builder: SimGraph,
  inputs: JoinInputs,
): readonly number[] {
  const ends: number[] = [];
  if (random.chance(0.15)) ends.push(addToAllKeys(random.fork("all-keys"), builder, inputs));
  if (random.chance(0.15)) ends.push(addBroadcastJoin(random.fork("join"), builder, inputs));
  return ends;
}

function addToAllKeys(draw: SeededRandom, builder: SimGraph, { left, right }: JoinInputs): number {
  const keyed = builder.keyBy({ stream: left, name: "each-key" });
  const all = builder.add("to-each-key", [right], { kind: "partition", by: "broadcast" });
  const process = draw.chance(0.5) ? sumInValues : sumInMaps;
  return builder.add("each-key", [keyed, all], process);
}

/** Beyond the event time of all records. */
const endMs = 1e12;
const sumName = "sum";

interface Cell {
  get(): number | undefined;
  set(value: number): void;
}

interface NamedCells {
  get(name: string): number | undefined;
  set(name: string, value: number): void;
}

interface Context<State> {
  readonly key: string;
  readonly state: { readonly total: State };
  readonly timers: { atEventTime(timeMs: number): void };
  readonly broadcastState: { readonly sums: NamedCells };
  readonly applyToKeyedState: (name: "total", apply: (key: string, total: State) => void) => void;
  readonly emit: (value: unknown) => void;
}

/**
 * A key begins with the sum of all that was broadcast, and each record that is broadcast is added to all
 * keys: at the end of input each has the sum of all, in whatever order both sides were read.
 */
const sumInValues: KeyedBroadcastProcessSpec = {
  kind: "keyed-broadcast-process",
  state: { total: { kind: "value", version: 1 } },
  broadcastState: ["sums"],
  onRecord: (_record: unknown, { state, timers, broadcastState }: Context<Cell>) => {
    if (state.total.get() === undefined) state.total.set(broadcastState.sums.get(sumName) ?? 0);
    timers.atEventTime(endMs);
  },
  onBroadcast: ({ amount }: SimRecord, { broadcastState, applyToKeyedState }: Context<Cell>) => {
    broadcastState.sums.set(sumName, (broadcastState.sums.get(sumName) ?? 0) + amount);
    applyToKeyedState("total", (_key, total) => total.set((total.get() ?? Number.NaN) + amount));
  },
  onTimer: (_timeMs: number, { key, state, emit }: Context<Cell>) => {
    emit({ key, total: state.total.get() ?? null });
  },
};

/** The same, where the state is a map. */
const sumInMaps: KeyedBroadcastProcessSpec = {
  kind: "keyed-broadcast-process",
  state: { total: { kind: "map", version: 1 } },
  broadcastState: ["sums"],
  onRecord: ({ id }: SimRecord, { state, timers, broadcastState }: Context<NamedCells>) => {
    if (state.total.get(sumName) === undefined) {
      state.total.set(sumName, broadcastState.sums.get(sumName) ?? 0);
    }
    state.total.set(`${id % 3}`, 0);
    timers.atEventTime(endMs);
  },
  onBroadcast: ({ amount }: SimRecord, context: Context<NamedCells>) => {
    const { sums } = context.broadcastState;
    sums.set(sumName, (sums.get(sumName) ?? 0) + amount);
    context.applyToKeyedState("total", (_key, total) => {
      total.set(sumName, (total.get(sumName) ?? Number.NaN) + amount);
    });
  },
  onTimer: (_timeMs: number, { key, state, emit }: Context<NamedCells>) => {
    emit({ key, total: state.total.get(sumName) ?? null });
  },
};

interface RowChange {
  readonly key: string;
  readonly after: { readonly of: string } | null;
}

interface RowsContext {
  readonly broadcastState: { readonly rows: Map<string, RowChange["after"]> };
  readonly emit: (value: unknown) => void;
}

/** As `joinBroadcast(...).left` makes it. A record says only whether its row is another key's. */
function addBroadcastJoin(
  draw: SeededRandom,
  builder: SimGraph,
  { left, right }: JoinInputs,
): number {
  const order = draw.pick(["event-time", "arrival"] as const);
  const keyed = builder.keyBy({ stream: right, name: "small" });
  const changes = builder.add("small", [keyed], {
    kind: "table",
    valueOf: ({ key, amount }: SimRecord) => (amount % 5 === 0 ? null : { of: key }),
    order,
  });
  const all = builder.add("small-to-all", [changes], { kind: "partition", by: "broadcast" });
  return builder.add("beside-small", [left, all], {
    kind: "broadcast-process",
    broadcastState: ["rows"],
    onBroadcast: ({ key, after }: RowChange, { broadcastState: { rows } }: RowsContext) => {
      if (after === null) rows.delete(key);
      else rows.set(key, after);
    },
    onRecord: ({ id, key }: SimRecord, { broadcastState, emit }: RowsContext) => {
      const row = broadcastState.rows.get(key);
      emit({ id, key, isOther: row !== undefined && row?.of !== key });
    },
  });
}
