import type { FlinkCluster } from "../flink/flink-cluster.ts";
import type { Progress, Window } from "../job/measure-progress.ts";
import type { BenchmarkResult, Figure, Goal } from "../report/benchmark.ts";
import { medianOf } from "../report/statistics.ts";
import type { WordCountCase } from "./measure-words.ts";
import { runFlinkWordCount, type FlinkBackend } from "./run-flink-word-count.ts";

/** How many times Flink's warm throughput a case must reach, by its backend. */
type Goals = Partial<Record<FlinkBackend, number>>;

/**
 * Flink beside one case of ours: its heap backend, and RocksDB where a goal names it. Cases that Flink's
 * generator does not have are left out.
 */
export class FlinkComparison {
  readonly #case: WordCountCase & { readonly name: string };
  readonly #cluster: FlinkCluster;
  readonly #goals: Goals;
  readonly #backends: readonly FlinkBackend[];
  readonly #runs: { readonly backend: FlinkBackend; readonly measured: Progress }[] = [];

  constructor(one: WordCountCase & { readonly name: string }, cluster: FlinkCluster) {
    this.#case = one;
    this.#cluster = cluster;
    this.#goals = goalsOf(one);
    const backends: readonly FlinkBackend[] =
      this.#goals.rocksdb === undefined ? ["hashmap"] : ["hashmap", "rocksdb"];
    this.#backends = one.distribution === "uniform" ? backends : [];
  }

  /** Runs each backend once and returns a line about each. */
  async run(): Promise<readonly string[]> {
    const lines: string[] = [];
    for (const backend of this.#backends) {
      const measured = await runFlinkWordCount(this.#cluster, this.#sized(backend), backend);
      this.#runs.push({ backend, measured });
      lines.push(`Flink, ${backend}: ${describeWindow(measured.warm)}`);
    }
    return lines;
  }

  /** Returns Flink's figures and what ours are beside them, run by run. */
  compare(ours: readonly Progress[]): BenchmarkResult {
    const { name } = this.#case;
    const figures: Figure[] = [];
    const goals: Goal[] = [];
    for (const backend of this.#backends) {
      const theirs = this.#runs.filter((run) => run.backend === backend);
      const figure = (what: string, unit: string, read: (warm: Window) => number): Figure => ({
        what: `${name}: Flink, ${backend}, ${what}`,
        unit,
        values: theirs.map(({ measured }) => read(measured.warm)),
      });
      const ratios = theirs.map(
        ({ measured }, run) => (ours[run]?.warm.perSecond ?? 0) / measured.warm.perSecond,
      );
      // On a busy machine throughput is also a matter of who gets a processor, CPU time less so.
      const cpuRatios = theirs.map(
        ({ measured }, run) => measured.warm.cpuUsPerRecord / (ours[run]?.warm.cpuUsPerRecord ?? 0),
      );
      figures.push(
        figure("warm", "words/s", ({ perSecond }) => perSecond),
        figure("warm, CPU", "us/word", ({ cpuUsPerRecord }) => cpuUsPerRecord),
        { what: `${name}: ratio to Flink, ${backend}`, unit: "times", values: ratios },
        { what: `${name}: Flink's CPU beside ours, ${backend}`, unit: "times", values: cpuRatios },
      );
      const atLeast = this.#goals[backend];
      if (atLeast === undefined) continue;
      const measured = medianOf(ratios);
      goals.push({ what: `${name}: ratio to Flink, ${backend}`, unit: "times", measured, atLeast });
    }
    return { figures, goals };
  }

  /** RocksDB is many times slower; a fifth of the words fills the same time. */
  #sized(backend: FlinkBackend): WordCountCase {
    const { flinkWords: words = this.#case.words } = this.#case;
    return { ...this.#case, words: backend === "rocksdb" ? words / 5 : words };
  }
}

function goalsOf({ vocabulary, distribution, checkpointMs }: WordCountCase): Goals {
  if (distribution !== "uniform" || checkpointMs === 0) return {};
  if (vocabulary === 100_000) return { hashmap: 1.5 };
  return vocabulary === 1_000_000 ? { hashmap: 2, rocksdb: 4 } : {};
}

/** Returns such as `1.32 M words/s, 0.912 us/word`. */
export function describeWindow({ perSecond, cpuUsPerRecord }: Window): string {
  return `${(perSecond / 1_000_000).toFixed(2)} M words/s, ${cpuUsPerRecord.toFixed(3)} us/word`;
}
