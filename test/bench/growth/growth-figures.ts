/** How what is measured again after a while, or with more of something, is told and judged. */
import type { BenchmarkResult } from "../report/benchmark.ts";

/** What was measured at one time, or with so many of something. */
export interface Stage<Measured> {
  /** Such as `first 100` or `10,000 keys`. */
  readonly name: string;
  readonly measured: Measured;
}

export interface Quantity<Measured> {
  readonly what: string;
  readonly unit: string;
  readonly read: (measured: Measured) => number;
  /** How many times that of the first stage a later one may be; absent: it is printed and not judged. */
  readonly atMost?: number;
}

/** Returns each quantity at each stage, and how many times the first stage's each later one is. */
export function tellGrowth<Measured>(
  title: string,
  stages: readonly Stage<Measured>[],
  quantities: readonly Quantity<Measured>[],
): BenchmarkResult {
  const [first, ...later] = stages;
  if (first === undefined) throw new Error(`${title}: nothing was measured`);
  return {
    figures: quantities.flatMap(({ what, unit, read }) =>
      stages.map(({ name, measured }) => ({
        what: `${title}: ${what}, ${name}`,
        unit,
        values: [read(measured)],
      })),
    ),
    goals: quantities.flatMap(({ what, read, atMost }) =>
      atMost === undefined
        ? []
        : later.map(({ name, measured }) => ({
            what: `${title}: ${what}, ${name} beside ${first.name}`,
            unit: "times",
            measured: read(measured) / read(first.measured),
            atMost,
          })),
    ),
  };
}
