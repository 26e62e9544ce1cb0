/** `pnpm bench scaling`: the word count at parallelism 1, 2, 4, 8 on one machine. */
import type { Benchmark, BenchmarkContext, BenchmarkResult, Figure } from "../report/benchmark.ts";
import { describeWindow } from "../wordcount/flink-comparison.ts";
import { runWordCount, type WordCountRun } from "../wordcount/run-word-count.ts";

export const scaling: Benchmark = {
  name: "scaling",
  summary: "words per second and CPU per word at parallelism 1, 2, 4, 8, a process for each",
  run: runBenchmark,
};

async function runBenchmark(context: BenchmarkContext): Promise<BenchmarkResult> {
  const { isQuick, note, only } = context;
  const figures: Figure[] = [];
  for (const parallelism of [1, 2, 4, 8]) {
    const name = `p=${parallelism}`;
    if (!name.includes(only)) continue;
    const runs: WordCountRun[] = [];
    for (let run = 1; run <= context.runs; run += 1) {
      const done = await runWordCount({
        parallelism,
        vocabulary: 100_000,
        distribution: "uniform",
        checkpointMs: 1_000,
        words: isQuick ? 6_000_000 : 60_000_000,
        warmUpMs: isQuick ? 2_000 : 10_000,
      });
      note(`${name}, run ${run}: ${describeWindow(done.warm)}`);
      runs.push(done);
    }
    figures.push(
      { what: name, unit: "words/s", values: runs.map(({ warm }) => warm.perSecond) },
      {
        what: `${name}: CPU`,
        unit: "us/word",
        values: runs.map(({ warm }) => warm.cpuUsPerRecord),
      },
    );
  }
  return { figures, goals: [] };
}
