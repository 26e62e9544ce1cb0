/** `pnpm bench recovery`: kill -9 of a worker to the first new record, three one-slot workers at parallelism 2. */
import type { Benchmark, BenchmarkContext, BenchmarkResult, Figure } from "../report/benchmark.ts";
import { medianOf } from "../report/statistics.ts";
import { recoverFlink } from "./recover-flink.ts";
import { recover, type Recovery, type RecoveryCase } from "./recover.ts";

export const recovery: Benchmark = {
  name: "recovery",
  summary:
    "kill -9 of a worker to the first new record, with 100,000 keys and with 100 MB of state",
  run: runBenchmark,
};

const limitMs = 1_500;
const mebibyte = 2 ** 20;

const cases: readonly (RecoveryCase & { readonly name: string })[] = [
  { name: "100,000 keys", vocabulary: 100_000, paddingBytes: 0 },
  { name: "100 MB of state", vocabulary: 100_000, paddingBytes: 1_000 },
];

const flinkSettings: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "Flink, heartbeats 2 s / 0.5 s": { "heartbeat.timeout": "2000", "heartbeat.interval": "500" },
  "Flink, default settings": {},
};

async function runBenchmark(context: BenchmarkContext): Promise<BenchmarkResult> {
  const parts: BenchmarkResult[] = [];
  for (const one of cases.filter(({ name }) => name.includes(context.only))) {
    const runs: (Recovery & { readonly restoredBytes: number })[] = [];
    for (let run = 1; run <= context.runs; run += 1) {
      const done = await recover(one);
      context.note(`${one.name}, run ${run}: first record after ${done.firstMs} ms`);
      runs.push(done);
    }
    const measured = medianOf(runs.map(({ firstMs }) => firstMs));
    const restored = runs.map(({ restoredBytes }) => restoredBytes / mebibyte);
    parts.push({
      figures: [
        ...toFigures(one.name, runs),
        { what: `${one.name}: restored`, unit: "MiB", values: restored },
      ],
      goals: [{ what: `${one.name}: first record`, unit: "ms", measured, atMost: limitMs }],
    });
  }
  const flink = context.isAgainstFlink ? await measureFlink(context) : [];
  return {
    figures: [...parts.flatMap(({ figures }) => figures), ...flink],
    goals: parts.flatMap(({ goals }) => goals),
  };
}

function toFigures(name: string, runs: readonly Recovery[]): readonly Figure[] {
  return [
    {
      what: `${name}: kill to first record`,
      unit: "ms",
      values: runs.map(({ firstMs }) => firstMs),
    },
    { what: `${name}: kill to all subtasks`, unit: "ms", values: runs.map(({ allMs }) => allMs) },
  ];
}

async function measureFlink({ note }: BenchmarkContext): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const [name, settings] of Object.entries(flinkSettings)) {
    const done = await recoverFlink(settings);
    note(`${name}: first record after ${done.firstMs} ms`);
    figures.push(...toFigures(`${name}, 100,000 keys`, [done]));
  }
  return figures;
}
