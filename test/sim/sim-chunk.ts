import type { FailpointName } from "@millrace/core";
import { runSeed, type SeedReport, type SimProfile } from "@millrace/testing";

import { startCoverage, type UncoveredLines } from "./line-coverage.ts";
import { addTo, type Totals } from "./totals.ts";

/** Every `step`th of `count` seeds. */
export interface ChunkRequest {
  readonly from: number;
  readonly count: number;
  readonly step: number;
  /** As each seed draws it unless set. */
  readonly profile: SimProfile | undefined;
  readonly bug: FailpointName | undefined;
  readonly hasCoverage: boolean;
}

export interface ChunkReport {
  readonly totals: Totals;
  readonly faults: Totals;
  readonly failures: {
    readonly seed: string;
    readonly profile: SimProfile;
    readonly violation: string;
  }[];
  uncovered: UncoveredLines;
}

async function runChunk(request: ChunkRequest): Promise<ChunkReport> {
  const takeCoverage = request.hasCoverage ? await startCoverage() : undefined;
  const report: ChunkReport = { totals: {}, faults: {}, failures: [], uncovered: {} };
  const { profile, bug } = request;
  const end = request.from - (request.from % request.step) + request.count;
  for (let seed = request.from; seed < end; seed += request.step) {
    const run = await runSeed({
      seed: String(seed),
      ...(profile === undefined ? {} : { profile }),
      ...(bug === undefined ? {} : { failpoint: bug }),
    });
    addRun(report, run);
  }
  report.uncovered = (await takeCoverage?.()) ?? {};
  return report;
}

function addRun({ totals, faults, failures }: ChunkReport, run: SeedReport): void {
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
  if (violation !== undefined) failures.push({ seed, profile, violation });
}

process.once("message", (request: ChunkRequest) => {
  void runChunk(request).then((report) => {
    // The parent has it all: nothing is left to run.
    process.send?.(report, () => process.disconnect());
  });
});
