/** `pnpm bench async`: 10,000 requests of 200 ms in flight through one subtask, a checkpoint every second. */
import type { Benchmark, BenchmarkContext, BenchmarkResult } from "../report/benchmark.ts";
import { medianOf } from "../report/statistics.ts";
import { killAsync, runAsync, type AsyncCase, type AsyncRun } from "./run-async.ts";

export const asyncIo: Benchmark = {
  name: "async",
  summary: "10,000 requests of 200 ms in flight through one subtask, beside the ideal rate; a kill",
  run: runBenchmark,
};

const capacity = 10_000;
const answerMs = 200;
/** No request is ever late, and the next one begins at once. */
const idealRate = capacity / (answerMs / 1_000);

async function runBenchmark(context: BenchmarkContext): Promise<BenchmarkResult> {
  const parts: BenchmarkResult[] = [];
  for (const order of ["ordered", "unordered"] as const) {
    if (order.includes(context.only)) parts.push(await measure(order, context));
  }
  if ("killed".includes(context.only)) parts.push(await kill(context));
  return {
    figures: parts.flatMap(({ figures }) => figures),
    goals: parts.flatMap(({ goals }) => goals),
  };
}

async function measure(
  order: AsyncCase["order"],
  context: BenchmarkContext,
): Promise<BenchmarkResult> {
  const runs: AsyncRun[] = [];
  for (let run = 1; run <= context.runs; run += 1) {
    const done = await runAsync(caseOf(order, context));
    const share = ((100 * done.answersPerSecond) / idealRate).toFixed(1);
    context.note(
      `${order}, run ${run}: ${Math.round(done.answersPerSecond)} answers/s, ${share} % of the ideal rate, ${done.cpuUsPerAnswer.toFixed(1)} us each`,
    );
    runs.push(done);
  }
  const rates = runs.map(({ answersPerSecond }) => answersPerSecond);
  return {
    figures: [
      { what: `${order}: answers`, unit: "1/s", values: rates },
      {
        what: `${order}: CPU for an answer`,
        unit: "us",
        values: runs.map(({ cpuUsPerAnswer }) => cpuUsPerAnswer),
      },
    ],
    goals: [
      {
        what: `${order}: share of the ideal rate of ${idealRate}/s`,
        unit: "of 1",
        measured: medianOf(rates) / idealRate,
        atLeast: 0.9,
      },
    ],
  };
}

/** There is no goal: a wrong result would have thrown. */
async function kill(context: BenchmarkContext): Promise<BenchmarkResult> {
  const restored: number[] = [];
  for (let run = 1; run <= context.runs; run += 1) {
    restored.push(await killAsync(caseOf("unordered", context)));
    context.note(
      `killed, run ${run}: each answer is there once, ${restored.at(-1)} bytes restored`,
    );
  }
  return {
    figures: [{ what: "killed: restored", unit: "bytes", values: restored }],
    goals: [],
  };
}

function caseOf(order: AsyncCase["order"], { isQuick }: BenchmarkContext): AsyncCase {
  const seconds = isQuick ? 6 : 20;
  return {
    order,
    capacity,
    answerMs,
    requests: idealRate * seconds,
    warmUpMs: isQuick ? 2_000 : 5_000,
  };
}
