import type {
  OperatorSpec,
  PlainFunctions,
  WatermarkFunctions,
  WatermarkSpec,
} from "@millrace/graph";

import type { SeededRandom } from "../seeded-random.ts";

/** What adds nodes to a drawn job. */
interface FlowGraph {
  /** Returns the node's id. */
  add(name: string, inputs: readonly number[], spec: OperatorSpec, own?: OwnPlace): number;
}

interface OwnPlace {
  readonly parallelism?: number;
  readonly chaining?: "head" | "never";
}

const ways = ["rescale", "forward", "global", "shuffle", "broadcast", "custom"] as const;

/**
 * Adds, sometimes, a way that records take to other subtasks, with an operator of its own parallelism
 * behind it. What comes out is what went in, at the same event time.
 */
export function drawSpread(draw: SeededRandom, graph: FlowGraph, stream: number): number {
  if (!draw.chance(0.6)) return stream;
  const by = draw.pick(ways);
  const spread = graph.add("spread", [stream], partitionOf(by));
  const spec: OperatorSpec = { kind: "map", map: (record: unknown) => record };
  return graph.add("spread-out", [spread], spec, drawPlace(draw, by));
}

/**
 * Adds, sometimes, an end that holds records back in operator state, some of them up to the end of
 * input. Returns the streams to sink.
 */
export function drawHolders(
  draw: SeededRandom,
  graph: FlowGraph,
  stream: number,
): readonly number[] {
  if (!draw.chance(0.5)) return [];
  const by = draw.pick(ways);
  const spread = graph.add("held-spread", [stream], partitionOf(by));
  const size = 1 + draw.below(12);
  const spec: OperatorSpec = { kind: "plain-process", create: () => createHolder(size) };
  return [graph.add("held-back", [spread], spec, drawPlace(draw, by))];
}

function drawPlace(draw: SeededRandom, by: (typeof ways)[number]): OwnPlace {
  // Behind a broadcast each subtask has all records, so there is one.
  const parallelism = by === "broadcast" ? 1 : 1 + draw.below(3);
  const chaining = draw.chance(0.3) ? { chaining: draw.pick(["head", "never"] as const) } : {};
  return by === "forward" ? chaining : { parallelism, ...chaining };
}

function partitionOf(by: (typeof ways)[number]): OperatorSpec {
  if (by !== "custom") return { kind: "partition", by };
  const select = (record: { readonly id: number }, count: number): number => record.id % count;
  return { kind: "partition", by, select };
}

interface Held {
  readonly value: unknown;
}

interface HoldingContext {
  emit(value: unknown): void;
}

/** Hands records on a few later, at the end all; with other event times than they came with. */
function createHolder(size: number): PlainFunctions {
  let held: Held[] = [];
  return {
    initializeState: ({ operatorState }: { operatorState: Lists }) => {
      held = [...operatorState.list("held").get()];
    },
    snapshotState: ({ operatorState }: { operatorState: Lists }) => {
      operatorState.list("held").set(held);
    },
    onRecord: (value: unknown, ctx: HoldingContext) => {
      held.push({ value });
      const first = held.length > size ? held.shift() : undefined;
      if (first !== undefined) ctx.emit(first.value);
    },
    onEnd: (ctx: HoldingContext) => {
      for (const { value } of held) ctx.emit(value);
      held = [];
    },
  };
}

interface Lists {
  list(name: string): { get(): readonly Held[]; set(held: readonly Held[]): void };
}

/**
 * Returns watermarks of bounded out-of-orderness, sometimes by a generator as authors write them, and
 * sometimes of sources that read on together.
 */
export function drawWatermarks(
  draw: SeededRandom,
  same: WatermarkSpec,
  isEndless: boolean,
): WatermarkSpec {
  // Others would wait for ever for a split that waits for more.
  const isAligned = draw.chance(0.2) && !isEndless;
  const alignment = { group: "sources", maxDriftMs: 100 + draw.below(2_000) };
  if (isAligned) return { ...same, alignment };
  if (!draw.chance(0.2)) return same;
  const isPeriodic = draw.chance(0.3);
  const generator = (): WatermarkFunctions => {
    let greatestMs = -Infinity;
    if (isPeriodic) {
      return {
        onRecord: (_record: unknown, timestampMs: number) => {
          greatestMs = Math.max(greatestMs, timestampMs);
          return undefined;
        },
        onPeriodic: () =>
          greatestMs === -Infinity ? undefined : greatestMs - same.outOfOrdernessMs - 1,
      };
    }
    return {
      onRecord: (_record: unknown, timestampMs: number) => {
        greatestMs = Math.max(greatestMs, timestampMs);
        return greatestMs - same.outOfOrdernessMs - 1;
      },
    };
  };
  return { ...same, generator };
}
