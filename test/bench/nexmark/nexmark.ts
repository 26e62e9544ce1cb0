import { nexmarkQueries } from "@millrace/examples";

import { FlinkCluster } from "../flink/flink-cluster.ts";
import { profileFileOf } from "../profile/profile-slot.ts";
import type { Benchmark, BenchmarkContext, BenchmarkResult, Figure } from "../report/benchmark.ts";
import type { BenchedQuery } from "./counted-rows.ts";
import { expectCount } from "./expected-counts.ts";
import { describeWindow, FlinkRatios } from "./flink-ratios.ts";
import { runQuery, type QueryCase, type QueryRun } from "./run-query.ts";

/** `pnpm bench nexmark`: all queries as the examples have them; of `source` there is no query. */
export const nexmark: Benchmark = {
  name: "nexmark",
  summary: "events per second and CPU per event of each Nexmark query, by parallelism",
  run: runBenchmark,
};

type NamedCase = QueryCase & { readonly name: string };

const intervalMicros = 10;
/** Long enough for a warm window of several seconds; what is cheap needs more events for it. */
const usualEvents = 10_000_000;
const manyEvents: Partial<Readonly<Record<BenchedQuery, number>>> = {
  source: 150_000_000,
  q0: 60_000_000,
  q1: 150_000_000,
  q2: 60_000_000,
  q3: 150_000_000,
  q5: 60_000_000,
  q7: 100_000_000,
  q8: 150_000_000,
  q14: 60_000_000,
  q21: 60_000_000,
  q22: 60_000_000,
};

async function runBenchmark(context: BenchmarkContext): Promise<BenchmarkResult> {
  const parts: BenchmarkResult[] = [];
  const expectedOf = memoizeExpected(context);
  await using flink = context.isAgainstFlink
    ? await FlinkCluster.start({ taskManagers: 2 })
    : undefined;
  for (const one of listCases(context).filter(({ name }) => name.includes(context.only))) {
    parts.push(await runCase(one, { context, flink, expected: expectedOf(one) }));
  }
  return {
    figures: parts.flatMap(({ figures }) => figures),
    goals: parts.flatMap(({ goals }) => goals),
  };
}

/** Against Flink only what its jobs have. */
function listCases({ isQuick, isAgainstFlink }: BenchmarkContext): readonly NamedCase[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the object's keys are its type's
  const queries = ["source", ...Object.keys(nexmarkQueries)] as readonly BenchedQuery[];
  const cases = queries.flatMap((query) =>
    [1, 2].map((parallelism): NamedCase => ({
      name: `${query}, p=${parallelism}`,
      query,
      parallelism,
      events: (manyEvents[query] ?? usualEvents) / (isQuick ? 5 : 1),
      intervalMicros,
      checkpointMs: 10_000,
      warmUpMs: isQuick ? 1_000 : 5_000,
    })),
  );
  return isAgainstFlink ? cases.filter((one) => FlinkRatios.has(one)) : cases;
}

/** A query's rows come to the same at each parallelism. */
function memoizeExpected({ note }: BenchmarkContext): (one: QueryCase) => number {
  const known = new Map<BenchedQuery, number>();
  return (one) => {
    const { query, events } = one;
    const expected = known.get(query) ?? expectCount(query, one);
    if (!known.has(query)) {
      note(`${query}: ${events.toLocaleString("en-US")} events come to ${expected}`);
    }
    known.set(query, expected);
    return expected;
  };
}

/** Runs Millrace's and Flink's in turn, so that the machine is the same for both. */
async function runCase(
  one: NamedCase,
  {
    context,
    flink,
    expected,
  }: {
    readonly context: BenchmarkContext;
    readonly flink: FlinkCluster | undefined;
    readonly expected: number;
  },
): Promise<BenchmarkResult> {
  const { name } = one;
  const runs: QueryRun[] = [];
  const ratios = flink === undefined ? undefined : new FlinkRatios(one, flink);
  for (let run = 1; run <= context.runs; run += 1) {
    const done = await runQuery(one, expected, profileFileOf(context, name, run));
    context.note(`${name}, run ${run}: ${describeWindow(done.warm)}`);
    runs.push(done);
    for (const line of (await ratios?.run(expected)) ?? []) {
      context.note(`${name}, run ${run}: ${line}`);
    }
  }
  const compared = ratios?.compare(runs) ?? { figures: [], goals: [] };
  const figure = (what: string, unit: string, read: (run: QueryRun) => number): Figure => ({
    what: `${name}: ${what}`,
    unit,
    values: runs.map(read),
  });
  return {
    figures: [
      figure("warm", "events/s", ({ warm }) => warm.perSecond),
      figure("warm, CPU", "us/event", ({ warm }) => warm.cpuUsPerRecord),
      ...compared.figures,
    ],
    goals: compared.goals,
  };
}
