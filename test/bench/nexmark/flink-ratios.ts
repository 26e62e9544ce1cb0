import type { FlinkCluster } from "../flink/flink-cluster.ts";
import type { Progress, Window } from "../job/measure-progress.ts";
import type { BenchmarkResult, Figure, Goal } from "../report/benchmark.ts";
import { medianOf } from "../report/statistics.ts";
import type { BenchedQuery } from "./counted-rows.ts";
import { runFlinkQuery, warmUpFlinkQuery } from "./run-flink-query.ts";
import type { QueryCase } from "./run-query.ts";

/** Flink's queries, with how many times its throughput ours must reach at parallelism 2. */
const goals: Partial<Readonly<Record<BenchedQuery, number>>> = {
  q1: 0.5,
  q3: 1,
  q5: 4,
  q7: 4,
  q8: 1,
};
/** Of these Flink's rows are as many as ours; others leave ties out, or give a row for each pair. */
const sameRows: ReadonlySet<BenchedQuery> = new Set(["source", "q1", "q3"]);

/** Flink beside one case of ours; nothing where Flink's jobs lack the query. */
export class FlinkRatios {
  readonly #case: QueryCase & { readonly name: string };
  readonly #cluster: FlinkCluster;
  readonly #runs: Progress[] = [];
  /** With copies between operators, which is Flink's default. */
  readonly #copying: Progress[] = [];
  #isWarm = false;

  constructor(one: QueryCase & { readonly name: string }, cluster: FlinkCluster) {
    this.#case = one;
    this.#cluster = cluster;
  }

  static has({ query }: QueryCase): boolean {
    return query === "source" || goals[query] !== undefined;
  }

  /** Runs the query and returns a line about each run; the first time it warms up before. */
  async run(expected: number): Promise<readonly string[]> {
    const { query } = this.#case;
    if (!this.#isWarm) await warmUpFlinkQuery(this.#cluster, this.#case);
    this.#isWarm = true;
    const check = sameRows.has(query) ? { expected } : {};
    const run = await runFlinkQuery(this.#cluster, this.#case, { isReused: true, ...check });
    this.#runs.push(run);
    const lines = [`Flink: ${describeWindow(run.warm)}`];
    if (query !== "q1") return lines;
    const copying = await runFlinkQuery(this.#cluster, this.#case, { isReused: false, ...check });
    this.#copying.push(copying);
    return [...lines, `Flink without object reuse: ${describeWindow(copying.warm)}`];
  }

  /** Returns Flink's figures and what ours are beside them, run by run. */
  compare(ours: readonly Progress[]): BenchmarkResult {
    const { name, query, parallelism } = this.#case;
    const reused = this.#beside(ours, this.#runs, "Flink");
    const copied = this.#beside(ours, this.#copying, "Flink without object reuse");
    const atLeast = parallelism === 2 ? goals[query] : undefined;
    const met: readonly Goal[] =
      atLeast === undefined
        ? []
        : [
            {
              what: `${name}: ratio to Flink`,
              unit: "times",
              measured: medianOf(reused.ratios),
              atLeast,
            },
          ];
    return { figures: [...reused.figures, ...copied.figures], goals: met };
  }

  #beside(
    ours: readonly Progress[],
    theirs: readonly Progress[],
    what: string,
  ): { readonly figures: readonly Figure[]; readonly ratios: readonly number[] } {
    const { name } = this.#case;
    if (theirs.length === 0) return { figures: [], ratios: [] };
    const figure = (suffix: string, unit: string, values: readonly number[]): Figure => ({
      what: `${name}: ${suffix}`,
      unit,
      values,
    });
    const ratios = theirs.map(({ warm }, run) => (ours[run]?.warm.perSecond ?? 0) / warm.perSecond);
    const cpuRatios = theirs.map(
      ({ warm }, run) => warm.cpuUsPerRecord / (ours[run]?.warm.cpuUsPerRecord ?? 0),
    );
    return {
      ratios,
      figures: [
        figure(
          what,
          "events/s",
          theirs.map(({ warm }) => warm.perSecond),
        ),
        figure(
          `${what}, CPU`,
          "us/event",
          theirs.map(({ warm }) => warm.cpuUsPerRecord),
        ),
        figure(`ratio to ${what}`, "times", ratios),
        figure(`CPU of ${what} beside ours`, "times", cpuRatios),
      ],
    };
  }
}

/** Returns such as `1.32 M events/s, 0.912 us/event`. */
export function describeWindow({ perSecond, cpuUsPerRecord }: Window): string {
  const millions = (perSecond / 1_000_000).toFixed(2);
  return `${millions} M events/s, ${cpuUsPerRecord.toFixed(3)} us/event`;
}
