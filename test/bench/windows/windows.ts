import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

import type { Benchmark } from "../report/benchmark.ts";
import { fromLines, type BenchLine } from "../report/from-lines.ts";
import type { WindowFigures, WindowOptions } from "./measure-windows.ts";

/** Collections by the measured thread alone, so that its CPU time and its pauses hold them. */
const flags = [
  "--conditions=@millrace/source",
  "--expose-gc",
  "--single-threaded-gc",
  "--max-old-space-size=8000",
];

type Load = Pick<WindowOptions, "windows" | "keyCount" | "recordsPerPane" | "paneCount">;

/** Of 10,000 keys a pane has most, of 1,000,000 about a fifth, but for the tumbling ones. */
const smallLoads: readonly Load[] = [
  { windows: "tumbling 10 s", keyCount: 10_000, recordsPerPane: 200_000, paneCount: 20 },
  { windows: "sliding 10 s / 1 s", keyCount: 10_000, recordsPerPane: 20_000, paneCount: 80 },
  { windows: "sliding 1 h / 1 min", keyCount: 10_000, recordsPerPane: 20_000, paneCount: 120 },
  { windows: "sessions of 10 s", keyCount: 10_000, recordsPerPane: 2_000, paneCount: 1_600 },
];
const largeLoads: readonly Load[] = [
  { windows: "tumbling 10 s", keyCount: 1_000_000, recordsPerPane: 2_000_000, paneCount: 4 },
  { windows: "sliding 10 s / 1 s", keyCount: 1_000_000, recordsPerPane: 200_000, paneCount: 24 },
  { windows: "sliding 1 h / 1 min", keyCount: 1_000_000, recordsPerPane: 20_000, paneCount: 70 },
];

/** Whether a key is a string makes the same difference to each aggregate. */
const columns = [
  { aggregate: "count", keyKind: "number" },
  { aggregate: "count", keyKind: "string" },
  { aggregate: "sum", keyKind: "string" },
  { aggregate: "object", keyKind: "string" },
] as const;

/**
 * `pnpm bench windows`: what a record and a result cost in windows of one operator over the heap
 * backend. Each case is measured in a process of its own.
 */
export const windows: Benchmark = fromLines({
  name: "windows",
  summary:
    "records into tumbling, sliding and session windows, and their results, by number of keys",
  measure: measureAll,
});

async function* measureAll(isQuick: boolean): AsyncGenerator<BenchLine> {
  const loads = isQuick ? smallLoads : [...smallLoads, ...largeLoads];
  for (const load of loads) {
    for (const column of columns) {
      const options = { ...load, ...column };
      yield* linesOf(options, await measure(options));
    }
  }
}

function linesOf(options: WindowOptions, figures: WindowFigures): readonly BenchLine[] {
  const { windows: name, aggregate, keyCount, keyKind } = options;
  const what = `${name}, ${aggregate}, ${keyCount.toLocaleString("en")} ${keyKind} keys`;
  return [
    { name: `${what}: record`, value: figures.recordNs, unit: "ns CPU" },
    { name: `${what}: result`, value: figures.resultNs, unit: "ns CPU" },
    {
      name: `${what}: records with their results`,
      value: figures.totalNs,
      unit: "ns CPU a record",
    },
    { name: `${what}: longest pause`, value: figures.longestPauseMs, unit: "ms" },
    // Of sessions few cells are left beside the compiled code, which counts too.
    ...(name === "sessions of 10 s"
      ? []
      : [{ name: `${what}: memory`, value: figures.bytesPerCell, unit: "bytes a key and pane" }]),
  ];
}

async function measure(options: WindowOptions): Promise<WindowFigures> {
  const script = fileURLToPath(new URL("measure-windows.ts", import.meta.url));
  const child = spawn(process.execPath, [...flags, script, JSON.stringify(options)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- measure-windows.ts writes them
  return JSON.parse(await text(child.stdout)) as WindowFigures;
}
