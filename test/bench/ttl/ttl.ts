import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

import type { Benchmark } from "../report/benchmark.ts";
import { fromLines, type BenchLine } from "../report/from-lines.ts";
import type { TtlFigures, TtlOptions } from "./measure-ttl.ts";

const flags = [
  "--conditions=@millrace/source",
  "--expose-gc",
  "--single-threaded-gc",
  "--max-old-space-size=8000",
];

/** What is used behind the last keys, times what is used when as many are alive as ever will be. */
const flatTimes = 1.15;

/**
 * `pnpm bench ttl`: memory of a state with a time to live while keys come that never come again. One
 * operator over the heap backend, each case in a process of its own.
 */
export const ttl: Benchmark = fromLines({
  name: "ttl",
  summary: "memory of state with a time to live, while 20,000,000 keys come once each",
  measure: measureAll,
});

async function* measureAll(isQuick: boolean): AsyncGenerator<BenchLine> {
  const keyCount = isQuick ? 2_000_000 : 20_000_000;
  const aliveCount = isQuick ? 100_000 : 1_000_000;
  for (const kind of ["value", "map"] as const) {
    const options: TtlOptions = { kind, keyCount, aliveCount, sampleCount: 10 };
    yield* linesOf(options, await measure(options));
  }
}

function* linesOf(
  { kind, keyCount, aliveCount }: TtlOptions,
  figures: TtlFigures,
): Generator<BenchLine> {
  const million = (count: number): string => `${count / 1e6} M`;
  const what = `${kind} state, ${million(keyCount)} keys, ${million(aliveCount)} alive`;
  for (const { keys, usedBytes, cellCount } of figures.samples) {
    const behind = `${what}: behind ${million(keys)}`;
    yield { name: `${behind}, used`, value: usedBytes / 1e6, unit: "MB" };
    yield { name: `${behind}, cells`, value: cellCount, unit: "cells" };
  }
  const [first, ...others] = figures.samples;
  const most = Math.max(...others.map(({ usedBytes }) => usedBytes));
  const times = most / (first?.usedBytes ?? most);
  yield {
    name: `${what}: the most behind the first sample`,
    value: times,
    unit: "times it",
    atMost: flatTimes,
  };
  yield { name: `${what}: resident at the end`, value: figures.residentBytes / 1e6, unit: "MB" };
  yield { name: `${what}: a record`, value: figures.recordNs, unit: "ns CPU" };
}

async function measure(options: TtlOptions): Promise<TtlFigures> {
  const script = fileURLToPath(new URL("measure-ttl.ts", import.meta.url));
  const child = spawn(process.execPath, [...flags, script, JSON.stringify(options)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- measure-ttl.ts writes them
  return JSON.parse(await text(child.stdout)) as TtlFigures;
}
