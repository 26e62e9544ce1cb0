import { FlinkCluster } from "../flink/flink-cluster.ts";
import { profileFileOf } from "../profile/profile-slot.ts";
import type {
  Benchmark,
  BenchmarkContext,
  BenchmarkResult,
  Figure,
  Goal,
} from "../report/benchmark.ts";
import { medianOf } from "../report/statistics.ts";
import { describeWindow, FlinkComparison } from "./flink-comparison.ts";
import { measureGenerator } from "./measure-generator.ts";
import type { WordCountCase } from "./measure-words.ts";
import { warmUpFlink, warmUpWords } from "./run-flink-word-count.ts";
import { runWordCount, type WordCountRun } from "./run-word-count.ts";

/** `pnpm bench wordcount`: strings as keys, processes of their own, checkpoints to a folder. */
export const wordcount: Benchmark = {
  name: "wordcount",
  summary: "words counted per second and CPU per word, by parallelism, vocabulary and distribution",
  run: runBenchmark,
};

type NamedCase = WordCountCase & { readonly name: string };

const cpuLimitUs = 0.85;
/** By vocabulary and distribution: throughput with combining, in times that without. */
const combiningGoals: Readonly<Record<string, number>> = {
  "100000 uniform": 0.97,
  "100000 zipf": 1.2,
  "2000 uniform": 1.7,
};

async function runBenchmark(context: BenchmarkContext): Promise<BenchmarkResult> {
  const parts: CaseResult[] = [];
  await using flink = context.isAgainstFlink ? await startWarmFlink(context) : undefined;
  for (const one of listCases(context).filter(({ name }) => name.includes(context.only))) {
    parts.push(await runCase(one, context, flink));
  }
  const generators = await measureGenerators(context);
  return {
    figures: [...parts.flatMap(({ figures }) => figures), ...generators],
    goals: [...parts.flatMap(({ goals }) => goals), ...judgeCombining(parts)],
  };
}

/** Each combined case beside the same one without, which ran right before it. */
function judgeCombining(parts: readonly CaseResult[]): readonly Goal[] {
  return parts.flatMap((part, index): readonly Goal[] => {
    const plain = parts[index - 1];
    const { vocabulary, distribution, isCombined, name } = part.one;
    const atLeast = combiningGoals[`${vocabulary} ${distribution}`];
    if (isCombined !== true || plain === undefined || atLeast === undefined) return [];
    if (`${plain.one.name}, combined` !== name) return [];
    const measured = part.perSecond / plain.perSecond;
    return [{ what: `${name}: beside the same without`, unit: "times", measured, atLeast }];
  });
}

interface CaseResult extends BenchmarkResult {
  readonly one: NamedCase;
  /** Median of its runs, warm. */
  readonly perSecond: number;
}

async function startWarmFlink({ isQuick, note }: BenchmarkContext): Promise<FlinkCluster> {
  const cluster = await FlinkCluster.start({ taskManagers: 2 });
  note(`Flink is up after ${Math.round(cluster.startedMs)} ms, and warms up`);
  await warmUpFlink(cluster, isQuick ? 2_000_000 : warmUpWords);
  return cluster;
}

/** Runs Millrace's and Flink's in turn, so that the machine is the same for both. */
async function runCase(
  one: NamedCase,
  context: BenchmarkContext,
  flink: FlinkCluster | undefined,
): Promise<CaseResult> {
  const { name } = one;
  const runs: WordCountRun[] = [];
  const comparison = flink === undefined ? undefined : new FlinkComparison(one, flink);
  for (let run = 1; run <= context.runs; run += 1) {
    const done = await runWordCount(one, profileFileOf(context, name, run));
    context.note(`${name}, run ${run}: ${describeWindow(done.warm)}`);
    runs.push(done);
    for (const line of (await comparison?.run()) ?? [])
      context.note(`${name}, run ${run}: ${line}`);
  }
  const compared = comparison?.compare(runs) ?? { figures: [], goals: [] };
  return {
    one,
    perSecond: medianOf(runs.map(({ warm }) => warm.perSecond)),
    figures: [...toFigures(name, runs), ...compared.figures],
    goals: [...toGoals(one, runs), ...compared.goals],
  };
}

function listCases({ isQuick }: BenchmarkContext): readonly NamedCase[] {
  const usual: Omit<WordCountCase, "parallelism"> = {
    vocabulary: 100_000,
    distribution: "uniform",
    checkpointMs: 1_000,
    words: isQuick ? 6_000_000 : 60_000_000,
    warmUpMs: isQuick ? 2_000 : 10_000,
  };
  const zipf = { distribution: "zipf" as const, words: 2 * usual.words };
  const few = { vocabulary: 2_000, words: 4 * usual.words };
  const combined = { isCombined: true };
  // So that half of the time and more lies behind the warm-up.
  const two = { parallelism: 2, words: 2.5 * usual.words, flinkWords: usual.words };
  const cases: readonly WordCountCase[] = [
    { ...usual, parallelism: 1 },
    { ...usual, ...two, checkpointMs: 0 },
    { ...usual, ...two },
    { ...usual, ...two, ...combined },
    { ...usual, parallelism: 2, ...zipf },
    { ...usual, parallelism: 2, ...zipf, ...combined, words: 2 * zipf.words },
    { ...usual, parallelism: 2, ...few },
    { ...usual, parallelism: 2, ...few, ...combined, words: 2 * few.words },
    { ...usual, parallelism: 2, vocabulary: 1_000_000 },
  ];
  return cases.map((one) => ({ ...one, name: describeCase(one) }));
}

/** Returns such as `p=2, 100,000 uniform words, checkpoints every 1 s`. */
function describeCase(run: WordCountCase): string {
  const { parallelism, vocabulary, distribution, checkpointMs } = run;
  const checkpoints =
    checkpointMs === 0 ? "no checkpoints" : `checkpoints every ${checkpointMs / 1_000} s`;
  const words = `${vocabulary.toLocaleString("en-US")} ${distribution} words`;
  const combined = run.isCombined === true ? ", combined" : "";
  return `p=${parallelism}, ${words}, ${checkpoints}${combined}`;
}

function toFigures(name: string, runs: readonly WordCountRun[]): readonly Figure[] {
  const figure = (what: string, unit: string, read: (run: WordCountRun) => number): Figure => ({
    what: `${name}: ${what}`,
    unit,
    values: runs.map(read),
  });
  const durations = runs.flatMap(({ checkpoints }) => checkpoints.map((one) => one.durationMs));
  return [
    figure("warm", "words/s", ({ warm }) => warm.perSecond),
    figure("warm, CPU", "us/word", ({ warm }) => warm.cpuUsPerRecord),
    figure("first 5 s", "words/s", ({ cold }) => cold.perSecond),
    figure("first 5 s, CPU", "us/word", ({ cold }) => cold.cpuUsPerRecord),
    figure("results for each word", "records", ({ resultsPerWord }) => resultsPerWord),
    ...(durations.length === 0
      ? []
      : [
          { what: `${name}: checkpoint, median of all`, unit: "ms", values: [medianOf(durations)] },
        ]),
  ];
}

function toGoals(one: NamedCase, runs: readonly WordCountRun[]): readonly Goal[] {
  const { vocabulary, distribution, checkpointMs } = one;
  if (vocabulary !== 100_000 || distribution !== "uniform" || checkpointMs === 0) return [];
  if (one.isCombined === true) return [];
  const measured = medianOf(runs.map(({ warm }) => warm.cpuUsPerRecord));
  return [{ what: `${one.name}: CPU`, unit: "us/word", measured, atMost: cpuLimitUs }];
}

async function measureGenerators({ isQuick }: BenchmarkContext): Promise<readonly Figure[]> {
  const words = isQuick ? 2_000_000 : 10_000_000;
  const figures: Figure[] = [];
  for (const vocabulary of [100_000, 1_000_000]) {
    const cost = await measureGenerator({ vocabulary, distribution: "uniform" }, words);
    const name = `${vocabulary.toLocaleString("en-US")} uniform words`;
    figures.push(
      { what: `generator alone, ${name}: CPU`, unit: "us/word", values: [cost.generatorUsPerWord] },
      { what: `sink alone, ${name}: CPU`, unit: "us/word", values: [cost.sinkUsPerWord] },
    );
  }
  return figures;
}
