import type { GeneralWindowSpec } from "@millrace/graph";

import type { ReadProgress } from "../read-progress.ts";
import type { SeededRandom } from "../seeded-random.ts";
import { createSimSource, type SimRecord } from "../sim-connectors.ts";
import type { SimGraph } from "./sim-graph.ts";

/**
 * Adds to a job without an end what only such a job gives whole: windows of processing time, all of
 * which have fired before it is drained, and sometimes a source whose splits appear while the job runs,
 * with counts that no event time decides. Returns the streams to sink.
 */
export function drawEndless(
  draw: SeededRandom,
  graph: SimGraph,
  { stream, progress }: { readonly stream: number; readonly progress: ReadProgress },
): readonly number[] {
  const ends = [drawClockWindows(draw, graph, { stream, name: "by-clock" })];
  if (draw.chance(0.5)) ends.push(...drawGrowing(draw, graph, progress));
  return ends;
}

/** Emits each record of a window: which records share one is left to chance. */
function drawClockWindows(
  draw: SeededRandom,
  graph: SimGraph,
  stage: { readonly stream: number; readonly name: string },
): number {
  const keyed = graph.keyBy(stage);
  return graph.add(stage.name, [keyed], {
    kind: "general-window",
    assigner: drawAssigner(draw),
    allowedLatenessMs: 0,
    aggregate: emitted,
  });
}

function drawAssigner(draw: SeededRandom): GeneralWindowSpec["assigner"] {
  const slideMs = 100 + draw.below(900);
  const shared = { offsetMs: 0, time: "processing" } as const;
  switch (draw.pick(["tumbling", "sliding", "session"] as const)) {
    case "tumbling":
      return { kind: "tumbling", sizeMs: slideMs, ...shared };
    case "sliding":
      return { kind: "sliding", sizeMs: slideMs * (1 + draw.below(3)), slideMs, ...shared };
    case "session":
      return { kind: "session", gapMs: slideMs, time: "processing" };
  }
}

const emitted: GeneralWindowSpec["aggregate"] = {
  create: (): SimRecord[] => [],
  add: (records: SimRecord[], record: SimRecord) => void records.push(record),
  merge: (into: SimRecord[], from: SimRecord[]) => void into.push(...from),
  emitsItself: true,
  result: (
    records: readonly SimRecord[],
    ctx: { readonly key: string; emit(value: unknown): void },
  ) => {
    for (const { id, amount } of records) ctx.emit({ key: ctx.key, id, amount });
  },
};

/** Records of splits that appear later may be late for those of splits that appeared before. */
function drawGrowing(
  draw: SeededRandom,
  graph: SimGraph,
  progress: ReadProgress,
): readonly number[] {
  const name = "growing";
  const splitCount = 1 + draw.below(6);
  const splits = Array.from({ length: splitCount }, (_, index) =>
    Array.from({ length: draw.below(40) }, (__, number): SimRecord => {
      const id = 9_000_000 + index * 1_000 + number;
      return { id, key: `key-${draw.below(8)}`, atMs: 0, amount: number };
    }),
  );
  for (const index of splits.keys()) progress.expect(name, `split-${index}`);
  const source = graph.add(name, [], {
    kind: "source",
    connector: createSimSource({
      splits,
      batchSize: 1 + draw.below(20),
      isEndless: draw.chance(0.3),
      appearsAfterMs: 200 + draw.below(4_000),
      progress,
    }),
    rateLimit: 4 + draw.below(40),
  });
  const keyed = graph.keyBy({ stream: source, name: "grown" });
  const counts = graph.add("grown", [keyed], {
    kind: "reduce",
    create: () => 1,
    add: (count: number) => count + 1,
    result: (count: number, key: string) => ({ key, count }),
  });
  return [
    source,
    counts,
    drawClockWindows(draw, graph, { stream: source, name: "grown-by-clock" }),
  ];
}
