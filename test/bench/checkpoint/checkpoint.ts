import type { Progress } from "../job/measure-progress.ts";
import type { StoredSnapshot } from "../process/bench-cluster.ts";
/** `pnpm bench checkpoint`: what a checkpoint every second costs at 1,000,000 keys, and how long it takes. */
import type { Benchmark, BenchmarkContext, BenchmarkResult } from "../report/benchmark.ts";
import { medianOf } from "../report/statistics.ts";
import { describeWindow } from "../wordcount/flink-comparison.ts";
import type { WordCountCase } from "../wordcount/measure-words.ts";
import { runWordCount } from "../wordcount/run-word-count.ts";

export const checkpoint: Benchmark = {
  name: "checkpoint",
  summary:
    "throughput with a checkpoint every second beside none, 1,000,000 keys, most or 1 % changing",
  run: runBenchmark,
};

interface Change {
  readonly name: string;
  readonly distribution: WordCountCase["distribution"];
  /** Enough for a warm window of about 10 s. */
  readonly words: number;
  /** The share of throughput that checkpoints may take. */
  readonly atMost: number;
}

const changes: readonly Change[] = [
  { name: "most keys change", distribution: "uniform", words: 40_000_000, atMost: 0.2 },
  { name: "1 % of the keys change", distribution: "hot", words: 120_000_000, atMost: 0.05 },
];

async function runBenchmark(context: BenchmarkContext): Promise<BenchmarkResult> {
  const chosen = changes.filter(({ name }) => name.includes(context.only));
  const parts: BenchmarkResult[] = [];
  for (const change of chosen) parts.push(await measureChange(change, context));
  return {
    figures: parts.flatMap(({ figures }) => figures),
    goals: parts.flatMap(({ goals }) => goals),
  };
}

/** Runs without and with checkpoints in turn, so that the machine is the same for both. */
async function measureChange(
  change: Change,
  { isQuick, runs, note }: BenchmarkContext,
): Promise<BenchmarkResult> {
  const { name, atMost } = change;
  const usual = caseOf(change, isQuick);
  const without: Progress[] = [];
  const with1s: Progress[] = [];
  const durations: number[] = [];
  const bytes: number[] = [];
  const snapshots: StoredSnapshot[] = [];
  for (let run = 1; run <= runs; run += 1) {
    const before = await runWordCount({ ...usual, checkpointMs: 0 });
    without.push(before);
    const done = await runWordCount({ ...usual, checkpointMs: 1_000 });
    with1s.push(done);
    durations.push(...done.checkpoints.map(({ durationMs }) => durationMs));
    snapshots.push(...done.snapshots);
    bytes.push(...done.checkpoints.map(({ newBytes }) => newBytes));
    note(`${name}, run ${run}: without ${describeWindow(before.warm)}`);
    note(`${name}, run ${run}: every second ${describeWindow(done.warm)}`);
  }
  const pairs = without.flatMap((before, run) => {
    const after = with1s[run];
    return after === undefined ? [] : [{ before: before.warm, after: after.warm }];
  });
  const costs = pairs.map(({ before, after }) => 1 - after.perSecond / before.perSecond);
  const cpuCosts = pairs.map(
    ({ before, after }) => after.cpuUsPerRecord / before.cpuUsPerRecord - 1,
  );
  const durationMs = medianOf(durations);
  const held = summarizeSlices(name, snapshots);
  return {
    figures: [
      { what: `${name}: none`, unit: "words/s", values: without.map(perSecond) },
      { what: `${name}: every second`, unit: "words/s", values: with1s.map(perSecond) },
      { what: `${name}: share of throughput that they take`, unit: "of 1", values: costs },
      { what: `${name}: CPU for a word that they add`, unit: "of 1", values: cpuCosts },
      {
        what: `${name}: checkpoint, median of all ${durations.length}`,
        unit: "ms",
        values: [durationMs],
      },
      { what: `${name}: upload, median of all`, unit: "bytes", values: [medianOf(bytes)] },
      ...held.figures,
    ],
    goals: [
      { what: `${name}: share of throughput`, unit: "of 1", measured: medianOf(costs), atMost },
      { what: `${name}: checkpoint, median`, unit: "ms", measured: durationMs, atMost: 900 },
      ...held.goals,
    ],
  };
}

function caseOf(
  { distribution, words }: Change,
  isQuick: boolean,
): Omit<WordCountCase, "checkpointMs"> {
  return {
    distribution,
    vocabulary: isQuick ? 100_000 : 1_000_000,
    parallelism: 2,
    words: isQuick ? 6_000_000 : words,
    warmUpMs: isQuick ? 3_000 : 12_000,
  };
}

/**
 * How long snapshots held a slot at a time: cuts at barriers, and slices of encoding. Goals are of the
 * thread's CPU time; the wall time beside it counts what other threads took of the processor too.
 */
function summarizeSlices(name: string, snapshots: readonly StoredSnapshot[]): BenchmarkResult {
  const p99Ms = medianOf(snapshots.map(({ p99SliceCpuMs }) => p99SliceCpuMs));
  const longestMs = Math.max(...snapshots.map(({ longestSliceCpuMs }) => longestSliceCpuMs));
  const p99WallMs = medianOf(snapshots.map(({ p99SliceMs }) => p99SliceMs));
  const longestWallMs = Math.max(...snapshots.map(({ longestSliceMs }) => longestSliceMs));
  const sumMs = medianOf(snapshots.map(({ slicesMs }) => slicesMs));
  return {
    figures: [
      { what: `${name}: slot held by a checkpoint, in all`, unit: "ms", values: [sumMs] },
      { what: `${name}: slot held at a time, p99, wall time`, unit: "ms", values: [p99WallMs] },
      { what: `${name}: slot held at a time, longest, wall`, unit: "ms", values: [longestWallMs] },
    ],
    goals: [
      {
        what: `${name}: slot held at a time, p99 of a checkpoint`,
        unit: "ms",
        measured: p99Ms,
        atMost: 4,
      },
      {
        what: `${name}: slot held at a time, longest of all`,
        unit: "ms",
        measured: longestMs,
        atMost: 10,
      },
    ],
  };
}

function perSecond({ warm }: Progress): number {
  return warm.perSecond;
}
