import type { OperatorSpec, WindowSpec } from "@millrace/graph";

import type { SeededRandom } from "../seeded-random.ts";
import type { SimGraph } from "./sim-graph.ts";

/**
 * Adds, sometimes, windows whose function keeps states: of each window, and of the key over all of them.
 * A key's windows fire by their ends, so what they emit depends on the records only. Returns the
 * streams to sink.
 */
export function drawWindowStates(
  draw: SeededRandom,
  graph: SimGraph,
  stream: number,
): readonly number[] {
  if (!draw.chance(0.2)) return [];
  const keyed = graph.keyBy({ stream, name: "window-states" });
  return [graph.add("window-states", [keyed], drawSpec(draw))];
}

function drawSpec(draw: SeededRandom): OperatorSpec {
  const slideMs = 250 * (1 + draw.below(4));
  const sizeMs = slideMs * (1 + draw.below(3));
  const assigner = { kind: "sliding", sizeMs, slideMs, offsetMs: 0 } as const;
  const allowedLatenessMs = 0;
  switch (draw.pick(["in panes", "cleared", "fired early"] as const)) {
    case "in panes":
      return { kind: "window", assigner, allowedLatenessMs, aggregate: chained };
    case "cleared":
      return {
        kind: "general-window",
        assigner,
        allowedLatenessMs,
        aggregate: { ...chained, onClear },
      };
    case "fired early": {
      const trigger = { kind: "purging", of: { kind: "count", count: 1 + draw.below(4) } } as const;
      return { kind: "general-window", assigner, allowedLatenessMs, trigger, aggregate: numbered };
    }
  }
}

interface Value<T> {
  get(): T | undefined;
  set(value: T): void;
}

interface Context {
  readonly key: string;
  readonly window: { readonly start: number };
  readonly windowState: {
    readonly firings: Value<number>;
    readonly sizes: { get(): readonly number[]; add(size: number): void };
  };
  readonly globalState: {
    readonly before: Value<number>;
    readonly cleared: Value<number>;
  };
  emit(value: unknown): void;
}

const counts = {
  create: () => 0,
  add: (count: number) => count + 1,
  merge: (into: number, from: number) => into + from,
  emitsItself: true,
} as const;

const value = { kind: "value", version: 1 } as const;

/** Says which window of the key came before, with its count, and how many have been cleared. */
const chained: WindowSpec["aggregate"] = {
  ...counts,
  globalState: { before: value, cleared: value },
  result: (count: number, context: Context) => {
    const { key, window, globalState } = context;
    const before = globalState.before.get() ?? 0;
    const cleared = globalState.cleared.get() ?? 0;
    context.emit({ key, start: window.start, count, before, cleared });
    globalState.before.set(count);
  },
};

function onClear({ globalState }: Context): void {
  globalState.cleared.set((globalState.cleared.get() ?? 0) + 1);
}

/** Numbers the firings of each window, which are by number of records. */
const numbered: WindowSpec["aggregate"] = {
  ...counts,
  windowState: { firings: value, sizes: { kind: "list", version: 1 } },
  result: (count: number, context: Context) => {
    const { key, window, windowState } = context;
    const firing = (windowState.firings.get() ?? 0) + 1;
    windowState.firings.set(firing);
    windowState.sizes.add(count);
    context.emit({ key, start: window.start, firing, sizes: windowState.sizes.get() });
  },
};
