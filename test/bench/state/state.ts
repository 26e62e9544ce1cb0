import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

import type { Benchmark } from "../report/benchmark.ts";
import { fromLines, type BenchLine } from "../report/from-lines.ts";
import type { StateFigures, StateOptions } from "./measure-state.ts";

/** The longest pause, in the table. */
const pauseGoal = { keyCount: 10_000_000, limitMs: 50 } as const;

/**
 * Collections by the measured thread alone: it would wait for helpers, and how long depends on what
 * else runs on the machine.
 */
const flags = [
  "--conditions=@millrace/source",
  "--expose-gc",
  "--single-threaded-gc",
  "--max-old-space-size=12000",
];

/** Maps are measured up to the size at which their collections take seconds. */
const keyCounts = {
  table: [10_000, 1_000_000, 10_000_000, 30_000_000],
  maps: [10_000, 1_000_000, 10_000_000],
} as const;
const quickLimit = 1_000_000;

/**
 * `pnpm bench state`: random updates of counts by key, in number tables and, beside them, in maps of
 * cells. Each line is measured in a process of its own; takes minutes unless quick.
 */
export const state: Benchmark = fromLines({
  name: "state",
  summary: "random updates of keyed state, memory and the longest pause, by number of keys",
  measure: measureAll,
});

async function* measureAll(isQuick: boolean): AsyncGenerator<BenchLine> {
  for (const storage of ["table", "maps"] as const) {
    const sizes = keyCounts[storage].filter((count) => !isQuick || count <= quickLimit);
    for (const keyCount of sizes) {
      for (const keyKind of ["string", "number"] as const) {
        const updateCount = isQuick ? 200_000 : 3_000_000;
        const options = { storage, keyKind, keyCount, updateCount };
        yield* linesOf(options, await measure(options));
      }
    }
  }
}

function linesOf(options: StateOptions, figures: StateFigures): readonly BenchLine[] {
  const { storage, keyKind, keyCount } = options;
  const name = (what: string): string =>
    `${storage}, ${keyCount.toLocaleString("en")} ${keyKind} keys: ${what}`;
  const { loadNs, updateNs, bytesPerKey, longestPauseMs } = figures;
  const hasGoal = storage === "table" && keyCount === pauseGoal.keyCount;
  return [
    { name: name("random update"), value: updateNs, unit: "ns" },
    { name: name("new key"), value: loadNs, unit: "ns" },
    { name: name("memory"), value: bytesPerKey, unit: "bytes a key" },
    {
      name: name("longest pause (1,000 updates, growth, collections)"),
      value: longestPauseMs,
      unit: "ms",
      ...(hasGoal ? { atMost: pauseGoal.limitMs } : {}),
    },
    {
      name: name("the same with waits for a processor"),
      value: figures.longestSliceMs,
      unit: "ms",
    },
    { name: name("longest collection"), value: figures.longestCollectionMs, unit: "ms" },
  ];
}

async function measure(options: StateOptions): Promise<StateFigures> {
  const script = fileURLToPath(new URL("measure-state.ts", import.meta.url));
  const child = spawn(process.execPath, [...flags, script, JSON.stringify(options)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- measure-state.ts writes them
  return JSON.parse(await text(child.stdout)) as StateFigures;
}
