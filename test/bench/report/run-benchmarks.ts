import type { Benchmark, BenchmarkContext, BenchmarkResult } from "./benchmark.ts";
import { formatOthers, formatResult, isBusy } from "./format-result.ts";

/** What became of a benchmark. */
export type BenchmarkOutcome =
  | (BenchmarkResult & {
      /** Of the machine's processor time while it ran: 1 is all of it. */
      readonly othersShare: number;
    })
  /** Its result was wrong, or it could not run. */
  | { readonly failure: string };

export interface RunOptions {
  readonly context: BenchmarkContext;
  readonly print: (line: string) => void;
  /** Begins to watch what others use; the answer tells the share since then. */
  readonly watchOthers: () => Promise<{ share(): Promise<number> }>;
}

/** Runs benchmarks one after the other and returns what became of each, by name: one that fails stops no other. */
export async function runBenchmarks(
  benchmarks: readonly Benchmark[],
  { context, print, watchOthers }: RunOptions,
): Promise<Readonly<Record<string, BenchmarkOutcome>>> {
  const outcomes: Record<string, BenchmarkOutcome> = {};
  for (const benchmark of benchmarks) {
    const { name } = benchmark;
    const others = await watchOthers();
    try {
      const result = await benchmark.run(context);
      const othersShare = await others.share();
      print(formatResult(name, result, !isBusy(othersShare)));
      print(formatOthers(othersShare));
      outcomes[name] = { ...result, othersShare };
    } catch (caught) {
      const failure = caught instanceof Error ? (caught.stack ?? caught.message) : String(caught);
      print(`${name}\n  FAILED: ${failure}`);
      outcomes[name] = { failure };
    }
  }
  return outcomes;
}
