import type { SeededRandom } from "../seeded-random.ts";
import { bucketProcess, oddTag, pairProcess } from "./buckets.ts";
import type { GraphBuilder } from "./graph-builder.ts";
import type { Stage } from "./sim-graph.ts";

/** Draws the keyed operators of a job: one, a second one behind it, one beside it. Returns their ends. */
export function drawStages(draw: SeededRandom, builder: GraphBuilder, stream: number): number[] {
  const ends = [drawKeyedStage(draw, builder, { stream, name: "first" })];
  if (draw.chance(0.25)) {
    const keyed = { stream: ends[0] ?? 0, name: "second" };
    ends[0] = drawWindow(draw, builder, keyed);
  }
  if (draw.chance(0.25)) ends.push(drawKeyedStage(draw, builder, { stream, name: "side" }));
  if (draw.chance(0.1)) ends.push(stream);
  return ends;
}

/** Counts, by time bucket, what comes from either stream. */
export function connect(
  draw: SeededRandom,
  builder: GraphBuilder,
  [first, second]: readonly [number, number],
): number {
  const inputs = [
    builder.keyBy({ stream: first, name: "both-first" }),
    builder.keyBy({ stream: second, name: "both-second" }),
  ];
  return builder.add("both", inputs, pairProcess(500 + draw.below(2_000)));
}

/** Reads what some process functions emit beside their results, some of it by key. */
export function addSideOutputs(draw: SeededRandom, builder: GraphBuilder): readonly number[] {
  return builder.processes().flatMap(({ id, name }) => {
    if (draw.chance(0.4)) return [];
    const side = builder.add(`side-${name}`, [id], { kind: "side-output", tag: oddTag.name });
    if (draw.chance(0.5)) return [side];
    return [
      addCount(builder, {
        stream: builder.keyBy({ stream: side, name: `odd-${name}` }),
        name: `odd-${name}`,
      }),
    ];
  });
}

function drawKeyedStage(draw: SeededRandom, builder: GraphBuilder, stage: Stage): number {
  const kind = draw.pick(["window", "window", "reduce", "process"] as const);
  if (kind === "window") return drawWindow(draw, builder, stage);
  const keyed = builder.keyBy(stage);
  if (kind === "reduce") return addCount(builder, { ...stage, stream: keyed });
  return builder.add(stage.name, [keyed], bucketProcess(500 + draw.below(2_000)));
}

/**
 * Emits running counts. Which of them come out when records are combined is left to chance, but for
 * the last ones: then a window over all of time keeps only those.
 */
function addCount(builder: GraphBuilder, { stream: keyed, name }: Stage): number {
  const merge = (left: number, right: number): number => left + right;
  const counts = builder.add(name, [keyed], {
    kind: "reduce",
    create: () => 1,
    add: (count: number) => count + 1,
    ...(builder.isCombining ? { merge } : {}),
    result: (count: number, key: string) => ({ key, count }),
  });
  if (!builder.isCombining) return counts;
  const last = `${name}-last`;
  return builder.add(last, [builder.keyBy({ stream: counts, name: last })], {
    kind: "window",
    assigner: { kind: "tumbling", sizeMs: 1e12, offsetMs: 0 },
    allowedLatenessMs: 0,
    isCombined: true,
    aggregate: {
      create: () => 0,
      add: (count: number, record: { count: number }) => Math.max(count, record.count),
      merge: (left: number, right: number) => Math.max(left, right),
      result: (count: number, { key }: { key: string }) => ({ key, count }),
    },
  });
}

function drawWindow(draw: SeededRandom, builder: GraphBuilder, stage: Stage): number {
  const keyed = builder.keyBy(stage);
  const slideMs = 250 * (1 + draw.below(8));
  return builder.add(stage.name, [keyed], {
    kind: "window",
    assigner: draw.chance(0.5)
      ? { kind: "tumbling", sizeMs: slideMs, offsetMs: 0 }
      : { kind: "sliding", sizeMs: slideMs * (1 + draw.below(4)), slideMs, offsetMs: 0 },
    allowedLatenessMs: 0,
    isCombined: builder.isCombining,
    aggregate: {
      create: () => ({ count: 0, amount: 0 }),
      add: (sum: { count: number; amount: number }, record: { amount: number }) => {
        sum.count += 1;
        sum.amount += record.amount;
      },
      merge: (into: { count: number; amount: number }, from: { count: number; amount: number }) => {
        into.count += from.count;
        into.amount += from.amount;
      },
      result: (
        sum: { count: number; amount: number },
        { key, window }: { key: string; window: { start: number } },
      ) => ({ key, start: window.start, count: sum.count, amount: sum.amount }),
    },
  });
}
