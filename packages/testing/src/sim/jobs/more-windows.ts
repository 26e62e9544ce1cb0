import type { CustomTriggerSpec, EvictorSpec, OperatorSpec, WindowSpec } from "@millrace/graph";

import type { SeededRandom } from "../seeded-random.ts";
import type { SimRecord } from "../sim-connectors.ts";
import { gapAbove } from "./gaps.ts";
import type { SimGraph } from "./sim-graph.ts";

const lateTag = "too-late";

/**
 * Adds, sometimes, windows that fire before their end too, whose last firing counts, that take late
 * records, of which there are none, or that an author's evictor thins out. Returns the streams to sink.
 */
export function drawMoreWindows(
  draw: SeededRandom,
  graph: SimGraph,
  stream: number,
): readonly number[] {
  if (!draw.chance(0.25)) return [];
  const name = "more-windows";
  const keyed = graph.keyBy({ stream, name });
  const window = graph.add(name, [keyed], drawSpec(draw));
  const late = graph.add("late", [window], { kind: "side-output", tag: lateTag });
  return [addLastFirings(graph, window), late];
}

function drawSpec(draw: SeededRandom): OperatorSpec {
  const sizeMs = 250 * (1 + draw.below(8));
  const assigner = { kind: "tumbling", sizeMs, offsetMs: draw.below(sizeMs) } as const;
  const allowedLatenessMs = draw.chance(0.5) ? draw.below(2_000) : 0;
  const shared = { allowedLatenessMs, lateTag, aggregate: counts } as const;
  switch (draw.pick(["late", "continuous", "author", "evictor"] as const)) {
    case "late":
      return draw.chance(0.5)
        ? { kind: "window", assigner, ...shared }
        : {
            kind: "general-window",
            assigner: { kind: "session", gapMs: gapAbove(sizeMs) },
            ...shared,
          };
    case "continuous": {
      const trigger = {
        kind: "continuous",
        intervalMs: 50 + draw.below(500),
        time: "event",
      } as const;
      return { kind: "general-window", assigner, ...shared, trigger };
    }
    case "author":
      return { kind: "general-window", assigner, ...shared, trigger: fireAtTens };
    case "evictor":
      return { kind: "general-window", assigner, ...shared, evictor: keepEven };
  }
}

/** Fires at each tenth record, and at the window's end. */
const fireAtTens: CustomTriggerSpec = {
  kind: "custom",
  onRecord: (_record: SimRecord, { window, state, timers }: AuthorContext) => {
    const count = Number(state.get() ?? 0) + 1;
    state.set(count);
    timers.atEventTime(window.end - 1);
    return count % 10 === 0 ? "fire" : "continue";
  },
  onEventTime: () => "fire",
};

interface AuthorContext {
  readonly window: { readonly end: number };
  readonly state: { get(): unknown; set(value: unknown): void };
  readonly timers: { atEventTime(timeMs: number): void };
}

const keepEven: EvictorSpec = {
  kind: "custom",
  before: (records: readonly { readonly value: SimRecord }[]) =>
    records.filter(({ value }) => value.id % 2 === 0),
};

interface Details {
  readonly key: string;
  readonly window: { readonly start: number; readonly end: number };
}

interface Firing {
  /** Of the record and the window. */
  readonly key: string;
  readonly count: number;
}

const counts: WindowSpec["aggregate"] = {
  create: () => 0,
  add: (count: number) => count + 1,
  merge: (into: number, from: number) => into + from,
  result: (count: number, { key, window }: Details): Firing => ({
    key: `${key} from ${window.start} to ${window.end}`,
    count,
  }),
};

/** How often a window has fired before is left to chance. */
function addLastFirings(graph: SimGraph, stream: number): number {
  const name = "last-firings";
  return graph.add(name, [graph.keyBy({ stream, name })], {
    kind: "window",
    assigner: { kind: "tumbling", sizeMs: 1e12, offsetMs: 0 },
    allowedLatenessMs: 0,
    aggregate: {
      create: () => 0,
      add: (most: number, { count }: Firing) => Math.max(most, count),
      merge: (left: number, right: number) => Math.max(left, right),
      result: (count: number, { key }: Details): Firing => ({ key, count }),
    },
  });
}
