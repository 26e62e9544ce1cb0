import type { ProcessSpec } from "@millrace/graph";

import type { SeededRandom } from "../seeded-random.ts";
import type { SimRecord } from "../sim-connectors.ts";
import type { SimGraph } from "./sim-graph.ts";

/**
 * Adds, sometimes, a process over states of all kinds, some of them with a time to live. Returns the
 * streams to sink.
 */
export function drawKindsOfState(
  draw: SeededRandom,
  graph: SimGraph,
  stream: number,
): readonly number[] {
  if (!draw.chance(0.25)) return [];
  const keyed = graph.keyBy({ stream, name: "kinds" });
  return [graph.add("kinds", [keyed], kindsProcess(500 + draw.below(2_000)))];
}

/** Beyond the event time of all records. */
const endMs = 1e12;

interface KindsContext {
  readonly key: string;
  readonly timestamp: number;
  readonly state: {
    readonly counts: {
      get(end: number): number | undefined;
      has(end: number): boolean;
      update(end: number, change: (count: number | undefined) => number): void;
      delete(end: number): void;
    };
    readonly amounts: { get(): readonly number[]; add(amount: number): void };
    readonly most: { get(): unknown; add(amount: number): void };
    readonly sum: { get(): unknown; add(amount: number): void };
    readonly last: { set(id: number): void };
  };
  readonly timers: { atEventTime(timeMs: number): void };
  emit(value: unknown): void;
}

/**
 * Counts by time bucket in a map whose entries expire: at a bucket's end its count is still there, and
 * that of the third one before, which nobody has touched since, is not. At the end of all it says what
 * the states without a time to live have come to.
 */
function kindsProcess(sizeMs: number): ProcessSpec {
  const ttl = { afterMs: 2 * sizeMs, by: "event-time", refresh: "write" } as const;
  const shared = { version: 1 } as const;
  return {
    kind: "process",
    state: {
      counts: { kind: "map", ...shared, ttl },
      amounts: { kind: "list", ...shared },
      most: { kind: "reducing", ...shared, reduce: (a: number, b: number) => Math.max(a, b) },
      sum: { kind: "aggregating", ...shared, ...sumOfAmounts },
      // Nobody reads it: it comes and goes by the clock.
      last: { kind: "value", ...shared, ttl: { ...ttl, by: "processing-time" } },
    },
    onRecord({ id, amount }: SimRecord, { state, timers, timestamp }: KindsContext) {
      const end = (Math.floor(timestamp / sizeMs) + 1) * sizeMs;
      state.counts.update(end, (count = 0) => count + 1);
      state.amounts.add(amount);
      state.most.add(amount);
      state.sum.add(amount);
      state.last.set(id);
      timers.atEventTime(end - 1);
      timers.atEventTime(end - 1 + 3 * sizeMs);
      timers.atEventTime(endMs);
    },
    onTimer(timeMs: number, context: KindsContext) {
      const { key, state } = context;
      if (timeMs === endMs) {
        const amounts = state.amounts.get().toSorted((a, b) => a - b);
        context.emit({ key, amounts, most: state.most.get(), sum: state.sum.get() });
        return;
      }
      const end = timeMs + 1;
      const isGone = !state.counts.has(end - 3 * sizeMs);
      context.emit({ key, end, count: state.counts.get(end) ?? 0, isGone });
      if ((end / sizeMs) % 2 === 0) state.counts.delete(end);
    },
  };
}

const sumOfAmounts = {
  create: () => ({ amount: 0, count: 0 }),
  add: (sum: { amount: number; count: number }, amount: number) => {
    sum.amount += amount;
    sum.count += 1;
  },
  result: ({ amount, count }: { readonly amount: number; readonly count: number }) => [
    amount,
    count,
  ],
};
