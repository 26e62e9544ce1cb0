import { fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { failpointNames, type FailpointName } from "@millrace/core";
import { runSeed, simProfiles, type SeedOptions, type SeedReport } from "@millrace/testing";

import { summarizeCoverage } from "./line-coverage.ts";
import type { ChunkReport, ChunkRequest } from "./sim-chunk.ts";
import { addTo, type Totals } from "./totals.ts";

/**
 * `pnpm sim`: runs seeds of the simulated cluster and says what they did.
 *
 *     pnpm sim --seeds 1000            seeds 0 to 999, no planted bug
 *     pnpm sim --seed 17               one seed, with its log
 *     pnpm sim --planted               for each planted bug the first seed that finds it
 *
 * Each seed draws its profile, embedded or cluster; `--profile` sets it for all, `--bug` plants one.
 */
const packagesFolder = fileURLToPath(new URL("../../packages", import.meta.url));

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "200" },
    from: { type: "string", default: "0" },
    seed: { type: "string" },
    profile: { type: "string" },
    bug: { type: "string" },
    planted: { type: "boolean", default: false },
  },
});

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

const profile = simProfiles.find((name) => name === values.profile);

async function main(): Promise<number> {
  const bug = failpointNames.find((name) => name === values.bug);
  if (values.seed !== undefined) {
    return runOne({
      seed: values.seed,
      ...(profile === undefined ? {} : { profile }),
      ...(bug === undefined ? {} : { failpoint: bug }),
    });
  }
  if (values.planted) return findPlanted(Number(values.seeds));
  return runMany({ from: Number(values.from), count: Number(values.seeds), bug });
}

async function runOne(options: SeedOptions): Promise<number> {
  const report = await runSeed(options);
  const again = await runSeed(options);
  for (const { atMs, process: name, level, message, fields } of report.log) {
    const text = JSON.stringify(fields, (_name, value: unknown) =>
      typeof value === "bigint" ? value.toString() : value,
    );
    print(`${atMs.toFixed(2).padStart(10)} ${name} ${level} ${message} ${text}`);
  }
  for (const fault of report.faults) print(`fault ${JSON.stringify(fault)}`);
  print(
    `trace ${report.traceHash} over ${report.eventCount} events, ${report.virtualMs} ms, ${report.profile}`,
  );
  print(`the same again: ${again.traceHash === report.traceHash ? "the same trace" : "ANOTHER"}`);
  print(report.violation ?? "no violation");
  return report.violation === undefined && again.traceHash === report.traceHash ? 0 : 1;
}

async function runMany(options: {
  readonly from: number;
  readonly count: number;
  readonly bug: FailpointName | undefined;
}): Promise<number> {
  const startedMs = performance.now();
  const chunks = availableParallelism();
  const reports = await Promise.all(
    Array.from({ length: chunks }, (_, index) => {
      const from = options.from + index;
      return runChunk({ ...options, from, step: chunks, profile, hasCoverage: true });
    }),
  );
  const { totals, faults } = sumUp(reports);
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(0);
  print(`${totals["seeds"]} seeds in ${seconds} s: ${describe(totals)}`);
  print(`faults: ${describe(faults)}`);
  const coverage = summarizeCoverage(
    reports.map(({ uncovered }) => uncovered),
    packagesFolder,
  );
  const percent = ((100 * coverage.coveredLines) / coverage.totalLines).toFixed(1);
  print(
    `line coverage above the ports ${percent} % (${coverage.coveredLines} of ${coverage.totalLines})`,
  );
  const failures = reports.flatMap((report) => report.failures);
  for (const { seed, profile: kind, violation } of failures) {
    print(`seed ${seed}: ${violation}\n  again: pnpm sim --seed ${seed} --profile ${kind}`);
  }
  print(failures.length === 0 ? "no violation" : `${failures.length} violations`);
  return failures.length === 0 ? 0 : 1;
}

function sumUp(reports: readonly ChunkReport[]): { totals: Totals; faults: Totals } {
  const sums = { totals: {}, faults: {} };
  for (const report of reports) {
    addTo(sums.totals, report.totals);
    addTo(sums.faults, report.faults);
  }
  return sums;
}

function describe(totals: Totals): string {
  return Object.entries(totals)
    .map(([name, total]) => `${name} ${total}`)
    .join(", ");
}

async function runChunk(request: ChunkRequest): Promise<ChunkReport> {
  const child = fork(fileURLToPath(new URL("./sim-chunk.ts", import.meta.url)), {
    execArgv: ["--conditions=@millrace/source"],
    serialization: "advanced",
  });
  return new Promise((resolve, reject) => {
    child.once("message", (report: ChunkReport) => resolve(report));
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`a chunk of seeds ended with code ${code}`)));
    child.send(request);
  });
}

async function findPlanted(limit: number): Promise<number> {
  let missed = 0;
  for (const failpoint of failpointNames) {
    const found = await firstFailure(failpoint, limit);
    if (found === undefined) missed += 1;
    const text =
      found === undefined
        ? `not in ${limit} seeds`
        : `seed ${found.seed}, ${found.profile}: ${found.violation}`;
    print(`${failpoint.padEnd(40)} ${text.split("\n")[0]}`);
  }
  print(`${failpointNames.length - missed} of ${failpointNames.length} planted bugs found`);
  return missed === 0 ? 0 : 1;
}

async function firstFailure(
  failpoint: FailpointName,
  limit: number,
): Promise<SeedReport | undefined> {
  for (let seed = 0; seed < limit; seed += 1) {
    for (const kind of profile === undefined ? simProfiles : [profile]) {
      const report = await runSeed({ seed: String(seed), failpoint, profile: kind });
      if (report.violation !== undefined) return report;
    }
  }
  return undefined;
}

process.exitCode = await main();
