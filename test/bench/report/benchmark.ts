/** What `pnpm bench` runs by name. */
export interface Benchmark {
  readonly name: string;
  /** One line, for `--help`. */
  readonly summary: string;
  /** Throws where a result is wrong: figures of a wrong result are worth nothing. */
  run(context: BenchmarkContext): Promise<BenchmarkResult>;
}

export interface BenchmarkContext {
  /** Runs of each case, of which the median counts. */
  readonly runs: number;
  /** Small cases: shows that it works, says little. */
  readonly isQuick: boolean;
  /** Only cases whose name holds this text. */
  readonly only: string;
  /** Runs Flink's in turn. */
  readonly isAgainstFlink: boolean;
  /** Where profiles of slot threads go; absent: none are taken. */
  readonly profileFolder?: string;
  /** Tells what is going on. */
  readonly note: (line: string) => void;
}

export interface BenchmarkResult {
  readonly figures: readonly Figure[];
  readonly goals: readonly Goal[];
}

/** What was measured, one value a run. */
export interface Figure {
  /** The case and what of it, such as `p=2, 100,000 words: throughput`. */
  readonly what: string;
  readonly unit: string;
  readonly values: readonly number[];
}

/** What must be shown. */
export interface Goal {
  readonly what: string;
  readonly unit: string;
  readonly measured: number;
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** Returns whether the goal is met. */
export function isMet({ measured, atLeast, atMost }: Goal): boolean {
  return measured >= (atLeast ?? -Infinity) && measured <= (atMost ?? Infinity);
}
