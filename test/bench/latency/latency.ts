/** `pnpm bench latency`: 20,000 events a second over two hops between two workers, default settings. */
import { mkdtemp, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { FlinkCluster } from "../flink/flink-cluster.ts";
import { BenchCluster } from "../process/bench-cluster.ts";
import { CpuWatch } from "../process/cpu-time.ts";
import type { Benchmark, BenchmarkContext, BenchmarkResult, Figure } from "../report/benchmark.ts";
import { medianOf, quantileOf } from "../report/statistics.ts";

export const latency: Benchmark = {
  name: "latency",
  summary:
    "from the creation of an event to its sink: 20,000/s over two hops, without and with checkpoints",
  run: runBenchmark,
};

const module = fileURLToPath(new URL("./latency-job.ts", import.meta.url));
const parallelism = 2;
const eventsPerMs = 10;
const vocabulary = 100_000;
const skipMs = 5_000;
const finishMs = 300_000;

interface LatencyCase {
  readonly name: string;
  readonly checkpointMs: number;
  readonly p50AtMost?: number;
  readonly p99AtMost: number;
}

const cases: readonly LatencyCase[] = [
  { name: "no checkpoints", checkpointMs: 0, p50AtMost: 1, p99AtMost: 8 },
  { name: "checkpoints every 1 s", checkpointMs: 1_000, p99AtMost: 15 },
];

/** Milliseconds. */
interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** Processors that the workers kept busy; absent for Flink. */
  readonly cores?: number;
}

async function runBenchmark(context: BenchmarkContext): Promise<BenchmarkResult> {
  const durationMs = context.isQuick ? 10_000 : 30_000;
  const parts: BenchmarkResult[] = [];
  await using flink = context.isAgainstFlink
    ? await FlinkCluster.start({ taskManagers: parallelism })
    : undefined;
  for (const one of cases.filter(({ name }) => name.includes(context.only))) {
    const ours: Latency[] = [];
    const theirs: Latency[] = [];
    for (let run = 1; run <= context.runs; run += 1) {
      ours.push(await measure(one, durationMs));
      context.note(`${one.name}, run ${run}: ${describe(ours)}`);
      if (flink === undefined) continue;
      theirs.push(await measureFlink(flink, one, durationMs));
      context.note(`${one.name}, run ${run}: Flink, default settings: ${describe(theirs)}`);
    }
    parts.push(toResult(one, ours, theirs));
  }
  return {
    figures: parts.flatMap(({ figures }) => figures),
    goals: parts.flatMap(({ goals }) => goals),
  };
}

function toResult(
  { name, p50AtMost, p99AtMost }: LatencyCase,
  ours: readonly Latency[],
  theirs: readonly Latency[],
): BenchmarkResult {
  const median = (read: (one: Latency) => number): number => medianOf(ours.map(read));
  const p50 = { what: `${name}: p50`, unit: "ms", measured: median((one) => one.p50) };
  const p99 = { what: `${name}: p99`, unit: "ms", measured: median((one) => one.p99) };
  return {
    figures: [
      ...toFigures(name, ours),
      { what: `${name}: workers`, unit: "cores", values: ours.map(({ cores = 0 }) => cores) },
      ...(theirs.length === 0 ? [] : toFigures(`${name}: Flink, default settings`, theirs)),
    ],
    goals: [
      ...(p50AtMost === undefined ? [] : [{ ...p50, atMost: p50AtMost }]),
      { ...p99, atMost: p99AtMost },
    ],
  };
}

function toFigures(name: string, runs: readonly Latency[]): readonly Figure[] {
  return [
    { what: `${name}: p50`, unit: "ms", values: runs.map(({ p50 }) => p50) },
    { what: `${name}: p99`, unit: "ms", values: runs.map(({ p99 }) => p99) },
    { what: `${name}: longest`, unit: "ms", values: runs.map(({ max }) => max) },
  ];
}

async function measure({ checkpointMs }: LatencyCase, durationMs: number): Promise<Latency> {
  await using cluster = await BenchCluster.start(parallelism);
  const samples = cluster.path("samples");
  const splits = parallelism;
  const params = { eventsPerMs, durationMs, splits, vocabulary, skipMs, checkpointMs, samples };
  await using watch = new CpuWatch(cluster.workerProcessIds());
  const jobId = await cluster.submit({ module, parallelism, params });
  await cluster.untilFinished(jobId, finishMs);
  const endMs = Date.now();
  const cpuMs = watch.between(endMs - durationMs + skipMs, endMs);
  const values = await readLatencies(samples, eventsPerMs * durationMs * splits);
  return {
    p50: quantileOf(values, 0.5),
    p99: quantileOf(values, 0.99),
    max: quantileOf(values, 1),
    cores: cpuMs / (durationMs - skipMs),
  };
}

/** Returns all sinks' latencies; throws unless they got every event once. */
async function readLatencies(samples: string, eventCount: number): Promise<readonly number[]> {
  const values: number[] = [];
  let recordCount = 0;
  for (const name of (await readdir(samples)).filter((one) => /^latency-\d+$/.test(one))) {
    const bytes = await readFile(join(samples, name));
    recordCount += bytes.readFloatLE(0);
    for (let at = 4; at < bytes.length; at += 4) values.push(bytes.readFloatLE(at));
  }
  if (recordCount === eventCount) return values;
  throw new Error(`${recordCount} events of ${eventCount} reached the sinks`);
}

async function measureFlink(
  cluster: FlinkCluster,
  { checkpointMs }: LatencyCase,
  durationMs: number,
): Promise<Latency> {
  const samples = await mkdtemp(join(cluster.folder, "samples-"));
  const result = await cluster.run({
    job: "latency",
    p: parallelism,
    vocab: vocabulary,
    rate: eventsPerMs * 1_000 * parallelism,
    n: eventsPerMs * durationMs * parallelism,
    skip: skipMs / 1_000,
    ckpt: checkpointMs,
    samples,
  });
  const read = (name: string): number => Number(result[name]);
  return { p50: read("p50_ms"), p99: read("p99_ms"), max: read("max_ms") };
}

function describe(runs: readonly Latency[]): string {
  const { p50 = NaN, p99 = NaN, max = NaN } = runs.at(-1) ?? {};
  return `p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(1)} ms, longest ${max.toFixed(0)} ms`;
}
