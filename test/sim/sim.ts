import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { failpointNames, type FailpointName } from "@millrace/core";
import { runSeed, simProfiles, type SeedOptions } from "@millrace/testing";

import { runChunks } from "./chunk-runner.ts";
import { listSweepCases } from "./kill-sweep.ts";
import { summarizeCoverage } from "./line-coverage.ts";
import type { ChunkFailure, ChunkRequest } from "./sim-chunk.ts";
import { addTo, type Totals } from "./totals.ts";

/**
 * `pnpm sim`: runs seeds of the simulated cluster and says what they did.
 *
 *     pnpm sim --seeds 1000            seeds 0 to 999, no planted bug
 *     pnpm sim --seed 17               one seed, with its log
 *     pnpm sim --planted               for each planted bug the first seed that finds it
 *     pnpm sim --sweep 0               a death at each call of a store that the seed's job makes
 *
 * Each seed draws its profile, embedded or cluster; `--profile` sets it for all, `--bug` plants one.
 */
const packagesFolder = fileURLToPath(new URL("../../packages", import.meta.url));

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "200" },
    from: { type: "string", default: "0" },
    seed: { type: "string" },
    sweep: { type: "string" },
    profile: { type: "string" },
    bug: { type: "string" },
    planted: { type: "boolean", default: false },
  },
});
const maxPartSize = 100;
const profile = simProfiles.find((name) => name === values.profile);
const bug = failpointNames.find((name) => name === values.bug);

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function main(): Promise<number> {
  if (values.seed !== undefined) {
    return runOne({
      seed: values.seed,
      ...(profile === undefined ? {} : { profile }),
      ...(bug === undefined ? {} : { failpoint: bug }),
    });
  }
  if (values.planted) return findPlanted(Number(values.seeds));
  if (values.sweep !== undefined) {
    const cases = await listSweepCases(values.sweep);
    return runAll(cut(cases).map((part) => ({ ...nothing, cases: part })));
  }
  const from = Number(values.from);
  const seeds = Array.from({ length: Number(values.seeds) }, (_, index) => String(from + index));
  return runAll(cut(seeds).map((part) => ({ ...nothing, bug, seeds: part })));
}

const nothing: ChunkRequest = {
  seeds: [],
  profile,
  bug: undefined,
  isFirstEnough: false,
  cases: [],
};

/** Returns the items in parts that are done in some seconds, so that one sees how it goes. */
function cut<Item>(items: readonly Item[]): readonly (readonly Item[])[] {
  const partSize = Math.max(1, Math.min(maxPartSize, Math.ceil(items.length / 8)));
  return Array.from({ length: Math.ceil(items.length / partSize) }, (_, part) =>
    items.slice(part * partSize, (part + 1) * partSize),
  );
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

async function runAll(requests: readonly ChunkRequest[]): Promise<number> {
  const startedMs = performance.now();
  const totals: Totals = {};
  const faults: Totals = {};
  const failures: ChunkFailure[] = [];
  const uncovered = await runChunks(requests, (report) => {
    addTo(totals, report.totals);
    addTo(faults, report.faults);
    failures.push(...report.failures);
    for (const failure of report.failures) printFailure(failure);
    const runCount = (totals["seeds"] ?? 0) + (totals["runs"] ?? 0);
    if (runCount % 1_000 < maxPartSize && runCount >= 1_000)
      process.stderr.write(`${runCount} runs done\n`);
  });
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(0);
  print(`${describe(totals)} in ${seconds} s`);
  const missing = Object.keys(faults).filter((kind) => faults[kind] === 0);
  if (Object.keys(faults).length > 0) print(`faults: ${describe(faults)}`);
  if (missing.length > 0) print(`faults that never happened: ${missing.join(", ")}`);
  const { coveredLines, totalLines } = summarizeCoverage(uncovered, packagesFolder);
  const percent = ((100 * coveredLines) / totalLines).toFixed(1);
  print(`line coverage above the ports ${percent} % (${coveredLines} of ${totalLines})`);
  print(failures.length === 0 ? "no violation" : `${failures.length} violations`);
  return failures.length === 0 ? 0 : 1;
}

function printFailure({ what, again, violation }: ChunkFailure): void {
  print(`${what}: ${violation}${again === undefined ? "" : `\n  again: pnpm sim ${again}`}`);
}

function describe(totals: Totals): string {
  return Object.entries(totals)
    .map(([name, total]) => `${name} ${total}`)
    .join(", ");
}

/** Looks for each planted bug in both profiles, unless one is set. */
async function findPlanted(limit: number): Promise<number> {
  const seeds = Array.from({ length: limit }, (_, seed) => String(seed));
  const names = failpointNames.filter((name) => bug === undefined || name === bug);
  const found = new Set<FailpointName>();
  const requests = names.flatMap((name) =>
    simProfiles
      .filter((kind) => profile === undefined || kind === profile)
      .map((kind) => ({ ...nothing, seeds, profile: kind, bug: name, isFirstEnough: true })),
  );
  await runChunks(requests, ({ failures }, request) => {
    const [first] = failures;
    if (first !== undefined && request.bug !== undefined) found.add(request.bug);
    const text =
      first === undefined ? `not in ${limit} seeds` : `${first.what}: ${first.violation}`;
    print(`${request.bug?.padEnd(38)} ${request.profile?.padEnd(9)} ${text.split("\n")[0]}`);
  });
  print(`${found.size} of ${names.length} planted bugs found`);
  return found.size === names.length ? 0 : 1;
}

process.exitCode = await main();
