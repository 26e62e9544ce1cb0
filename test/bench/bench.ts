/*
 * `pnpm bench`: runs benchmarks by name, all without a name, and prints the medians of their runs and the
 * goals that they met or missed. Needs a build, Linux for CPU times, and a machine with nothing else
 * on it. Exit code 1 says that a benchmark failed, such as by a wrong result, not that a goal was missed; the
 * others run all the same.
 */
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";

import { benchmarks } from "./benchmarks.ts";
import { buildFlink } from "./flink/build-flink.ts";
import { OthersWatch } from "./process/others-watch.ts";
import type { BenchmarkContext } from "./report/benchmark.ts";
import { formatMachine } from "./report/format-result.ts";
import { describeMachine } from "./report/machine.ts";
import { runBenchmarks } from "./report/run-benchmarks.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    against: { type: "string" },
    json: { type: "string" },
    only: { type: "string", default: "" },
    quick: { type: "boolean", default: false },
    runs: { type: "string" },
    profile: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function printHelp(): void {
  print("pnpm bench [name ...] [options]\n");
  for (const { name, summary } of benchmarks) print(`  ${name.padEnd(14)}${summary}`);
  print(`
  --runs <count>  runs of each case; the median counts (default 3)
  --quick         small cases, once: shows that all works, says little
  --only <text>   only cases whose name holds this, such as "p=2"
  --against flink runs Flink 2.3 in turn and prints ratios; needs JDK 17, Maven, and Maven Central once
  --json <file>   writes every value of every run too
  --profile <folder>
                  takes CPU profiles of a slot thread, which cost a little: see README.md
  --help          prints this`);
}

function readContext(): BenchmarkContext {
  const runs = Number(values.runs ?? (values.quick ? 1 : 3));
  if (!Number.isInteger(runs) || runs < 1) {
    refuse(`--runs is ${JSON.stringify(values.runs)}: give a whole number from 1`);
  }
  if (values.against !== undefined && values.against !== "flink") {
    refuse(`--against is ${JSON.stringify(values.against)}: give flink`);
  }
  return {
    runs,
    isAgainstFlink: values.against === "flink",
    isQuick: values.quick,
    only: values.only,
    ...(values.profile === undefined ? {} : { profileFolder: values.profile }),
    note: (line) => void process.stderr.write(`${line}\n`),
  };
}

function refuse(problem: string): never {
  process.stderr.write(`${problem}\n`);
  process.exit(2);
}

async function main(): Promise<void> {
  const unknown = positionals.find((name) => !benchmarks.some((one) => one.name === name));
  if (unknown !== undefined) refuse(`there is no benchmark ${unknown}: see pnpm bench --help`);
  const context = readContext();
  if (context.isAgainstFlink) await buildFlink(context.note);
  const machine = await describeMachine();
  print(formatMachine(machine));
  const chosen = benchmarks.filter(
    ({ name }) => positionals.length === 0 || positionals.includes(name),
  );
  const watchOthers = (): Promise<OthersWatch> => OthersWatch.start(machine.processors);
  const results = await runBenchmarks(chosen, { context, print, watchOthers });
  if (Object.values(results).some((outcome) => "failure" in outcome)) process.exitCode = 1;
  if (values.json !== undefined) {
    await writeFile(values.json, `${JSON.stringify({ machine, results }, undefined, 2)}\n`);
  }
}

// So that what was started is ended.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
if (values.help) printHelp();
else await main();
