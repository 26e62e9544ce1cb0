/*
 * `node --conditions=@millrace/source test/bench/state.ts [--quick]`: random updates of counts by key,
 * in number tables and, beside them, in maps of cells. Each line is measured in a process of its own.
 * Exits with 1 if a goal is missed.
 */
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import type { StateFigures, StateOptions } from "./state/measure-state.ts";

/** A figure of a benchmark; `goal` in words. */
interface BenchLine {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly goal?: string;
  readonly isMet?: boolean;
}

/** Issue 5: the longest pause at 10 M keys in the table. */
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

/** Returns the figures of all sizes and kinds of keys; takes minutes unless quick. */
export async function run({
  isQuick,
}: {
  readonly isQuick: boolean;
}): Promise<readonly BenchLine[]> {
  const lines: BenchLine[] = [];
  for await (const line of measureAll(isQuick)) lines.push(line);
  return lines;
}

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
  const goal = {
    goal: `<= ${pauseGoal.limitMs} ms`,
    isMet: longestPauseMs <= pauseGoal.limitMs,
  };
  return [
    { name: name("random update"), value: updateNs, unit: "ns" },
    { name: name("new key"), value: loadNs, unit: "ns" },
    { name: name("memory"), value: bytesPerKey, unit: "bytes a key" },
    {
      name: name("longest pause (1,000 updates, growth, collections)"),
      value: longestPauseMs,
      unit: "ms",
      ...(hasGoal ? goal : {}),
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
  const script = fileURLToPath(new URL("state/measure-state.ts", import.meta.url));
  const child = spawn(process.execPath, [...flags, script, JSON.stringify(options)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- measure-state.ts writes them
  return JSON.parse(await text(child.stdout)) as StateFigures;
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { quick: { type: "boolean", default: false } } });
  for await (const { name, value, unit, goal, isMet } of measureAll(values.quick)) {
    const verdict =
      goal === undefined ? "" : `   goal ${goal}: ${isMet === true ? "met" : "missed"}`;
    process.stdout.write(`${name.padEnd(92)} ${value.toFixed(1).padStart(9)} ${unit}${verdict}\n`);
    if (isMet === false) process.exitCode = 1;
  }
}
