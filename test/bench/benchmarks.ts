import type { Benchmark } from "./report/benchmark.ts";
import { wordcount } from "./wordcount/wordcount.ts";

/** All benchmarks, in the order in which `pnpm bench` runs them. */
export const benchmarks: readonly Benchmark[] = [wordcount];
