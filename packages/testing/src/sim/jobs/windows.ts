import type { OperatorSpec, WindowSpec } from "@millrace/graph";

import type { SeededRandom } from "../seeded-random.ts";
import type { SimRecord } from "../sim-connectors.ts";
import { gapAbove } from "./gaps.ts";
import type { SimGraph } from "./sim-graph.ts";

/**
 * Adds, sometimes, windows that panes cannot do, or that emit by themselves. What they emit depends on
 * the records only: where their order decides which are in a window, they are counted. Returns the
 * streams to sink.
 */
export function drawWindows(
  draw: SeededRandom,
  graph: SimGraph,
  stream: number,
): readonly number[] {
  if (!draw.chance(0.5)) return [];
  const keyed = graph.keyBy({ stream, name: "windows" });
  return [graph.add("windows", [keyed], drawSpec(draw))];
}

function drawSpec(draw: SeededRandom): OperatorSpec {
  const allowedLatenessMs = 0;
  const sizeMs = 250 * (1 + draw.below(8));
  const tumbling = { kind: "tumbling", sizeMs, offsetMs: draw.below(sizeMs) } as const;
  const few = 1 + draw.below(5);
  switch (
    draw.pick(["session", "own gap", "count", "global", "trigger", "evictor", "process"] as const)
  ) {
    case "session": {
      const assigner = { kind: "session", gapMs: gapAbove(draw.below(600)) } as const;
      return { kind: "general-window", assigner, allowedLatenessMs, aggregate: totals };
    }
    case "own gap": {
      const gapMs = ({ id }: SimRecord): number => gapAbove((id * 37) % 400)();
      const assigner = { kind: "session", gapMs } as const;
      return { kind: "general-window", assigner, allowedLatenessMs, aggregate: totals };
    }
    case "count": {
      const assigner = { kind: "count", size: few + draw.below(6), slide: few } as const;
      return { kind: "count-window", assigner, aggregate: counts };
    }
    case "global": {
      const assigner = { kind: "global" } as const;
      return { kind: "general-window", assigner, allowedLatenessMs, aggregate: totals };
    }
    case "trigger": {
      const trigger = { kind: "purging", of: { kind: "count", count: few } } as const;
      const shared = { allowedLatenessMs, trigger, aggregate: counts };
      return { kind: "general-window", assigner: tumbling, ...shared };
    }
    case "evictor": {
      const assigner = { ...tumbling, kind: "sliding", slideMs: 250 } as const;
      const evictor = draw.chance(0.5)
        ? ({ kind: "count", count: few } as const)
        : ({ kind: "time", keepMs: 1 + draw.below(sizeMs) } as const);
      const shared = { allowedLatenessMs, evictor, aggregate: counts };
      return { kind: "general-window", assigner, ...shared };
    }
    case "process":
      return { kind: "window", assigner: tumbling, allowedLatenessMs, aggregate: emitted };
  }
}

interface Details {
  readonly key: string;
  readonly window: { readonly start: number; readonly end: number };
}

interface Total {
  count: number;
  amount: number;
}

const totals: WindowSpec["aggregate"] = {
  create: (): Total => ({ count: 0, amount: 0 }),
  add: (total: Total, { amount }: SimRecord) => {
    total.count += 1;
    total.amount += amount;
  },
  merge: (into: Total, from: Total) => {
    into.count += from.count;
    into.amount += from.amount;
  },
  result: ({ count, amount }: Total, { key, window }: Details) => ({
    key,
    ...boundsOf(window),
    count,
    amount,
  }),
};

const counts: WindowSpec["aggregate"] = {
  create: () => 0,
  add: (count: number) => count + 1,
  merge: (into: number, from: number) => into + from,
  result: (count: number, { key, window }: Details) => ({ key, ...boundsOf(window), count }),
};

const emitted: WindowSpec["aggregate"] = {
  create: (): SimRecord[] => [],
  add: (records: SimRecord[], record: SimRecord) => void records.push(record),
  merge: (into: SimRecord[], from: SimRecord[]) => void into.push(...from),
  emitsItself: true,
  result: (records: readonly SimRecord[], ctx: Details & { emit(value: unknown): void }) => {
    const place = { key: ctx.key, ...boundsOf(ctx.window) };
    for (const { id, amount } of records) ctx.emit({ ...place, id, amount });
  },
};

/** As text, where they are infinite. */
function boundsOf({ start, end }: Details["window"]): { start: string; end: string } {
  return { start: String(start), end: String(end) };
}
