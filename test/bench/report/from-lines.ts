import type { Benchmark, Figure, Goal } from "./benchmark.ts";

/** One figure of a benchmark that takes its own medians, and the goal for it. */
export interface BenchLine {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** Returns the benchmark whose `measure` gives lines, one after the other as they are measured. */
export function fromLines(options: {
  readonly name: string;
  readonly summary: string;
  readonly measure: (isQuick: boolean) => AsyncIterable<BenchLine>;
}): Benchmark {
  const { name, summary, measure } = options;
  return {
    name,
    summary,
    run: async ({ isQuick, only, note }) => {
      const figures: Figure[] = [];
      const goals: Goal[] = [];
      for await (const line of measure(isQuick)) {
        if (!line.name.includes(only)) continue;
        const { name: what, value, unit, atLeast, atMost } = line;
        note(`${what}: ${value.toPrecision(3)} ${unit}`);
        figures.push({ what, unit, values: [value] });
        if (atLeast !== undefined) goals.push({ what, unit, measured: value, atLeast });
        if (atMost !== undefined) goals.push({ what, unit, measured: value, atMost });
      }
      return { figures, goals };
    },
  };
}
