import type { FailpointName } from "@millrace/core";
import { runSeed, type SeedReport, type SimProfile } from "@millrace/testing";

import { describeCase, runSweepCase, type SweepCase } from "./kill-sweep.ts";
import { startCoverage, type UncoveredLines } from "./line-coverage.ts";
import { addTo, type Totals } from "./totals.ts";

/** What one process is to run. */
export interface ChunkRequest {
  readonly seeds: readonly string[];
  /** As each seed draws it unless set. */
  readonly profile: SimProfile | undefined;
  readonly bug: FailpointName | undefined;
  /** Ends with the first violation. */
  readonly isFirstEnough: boolean;
  readonly cases: readonly SweepCase[];
}

export interface ChunkReport {
  readonly totals: Totals;
  readonly faults: Totals;
  readonly failures: readonly ChunkFailure[];
}

/** What a process answers: to a request, or at the end to `coverage`. */
export type ChunkAnswer =
  | { readonly kind: "report"; readonly report: ChunkReport }
  | { readonly kind: "coverage"; readonly uncovered: UncoveredLines };

export interface ChunkFailure {
  /** The seed with its profile, or a case of the sweep. */
  readonly what: string;
  /** The arguments of `pnpm sim` that run it again, if there are any. */
  readonly again?: string;
  readonly violation: string;
}

interface Sums {
  readonly totals: Totals;
  readonly faults: Totals;
  readonly failures: ChunkFailure[];
}

async function runChunk(request: ChunkRequest): Promise<ChunkReport> {
  const sums: Sums = { totals: {}, faults: {}, failures: [] };
  await runSeeds(request, sums);
  for (const one of request.cases) {
    const { hasDied, violation } = await runSweepCase(one);
    addTo(sums.totals, { runs: 1, deaths: hasDied ? 1 : 0 });
    if (violation !== undefined) sums.failures.push({ what: describeCase(one), violation });
  }
  return sums;
}

async function runSeeds(request: ChunkRequest, sums: Sums): Promise<void> {
  const { profile, bug } = request;
  for (const seed of request.seeds) {
    if (request.isFirstEnough && sums.failures.length > 0) return;
    const run = await runSeed({
      seed,
      ...(profile === undefined ? {} : { profile }),
      ...(bug === undefined ? {} : { failpoint: bug }),
    });
    addRun(sums, run);
  }
}

function addRun({ totals, faults, failures }: Sums, run: SeedReport): void {
  addTo(faults, run.faultCounts);
  addTo(totals, {
    seeds: 1,
    [run.profile]: 1,
    events: run.eventCount,
    "unknown outcomes": run.unknownOutcomes,
    "wrong reads": run.wrongReads,
    "cells restored": run.restoredCells,
    [run.outcome ?? "violated"]: 1,
    ...run.counts,
  });
  const { seed, profile, violation } = run;
  if (violation === undefined) return;
  const again = `--seed ${seed} --profile ${profile}`;
  failures.push({ what: `seed ${seed}, ${profile}`, again, violation });
}

// Without the process that asked there is nobody to report to.
process.once("disconnect", () => process.exit(1));
// Once for all requests: what V8 has told once it leaves out the next time.
const takeCoverage = await startCoverage();

async function answer(request: ChunkRequest | "coverage"): Promise<ChunkAnswer> {
  if (request === "coverage") return { kind: "coverage", uncovered: await takeCoverage() };
  return { kind: "report", report: await runChunk(request) };
}

process.on("message", (request: ChunkRequest | "coverage") => {
  // What goes wrong in here ends this process, which the parent sees.
  void answer(request).then((answered) => process.send?.(answered));
});
