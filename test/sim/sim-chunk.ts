import type { FailpointName } from "@millrace/core";
import { runSeed } from "@millrace/testing";

import { startCoverage, type UncoveredLines } from "./line-coverage.ts";

/** Every `step`th of `count` seeds. */
export interface ChunkRequest {
  readonly from: number;
  readonly count: number;
  readonly step: number;
  readonly bug: FailpointName | undefined;
  readonly hasCoverage: boolean;
}

export interface ChunkReport {
  seeds: number;
  events: number;
  kills: number;
  pauses: number;
  partitions: number;
  usurpers: number;
  attempts: number;
  restores: number;
  commits: number;
  unknown: number;
  removed: number;
  stopped: number;
  readonly failures: { readonly seed: string; readonly violation: string }[];
  uncovered: UncoveredLines;
}

async function runChunk(request: ChunkRequest): Promise<ChunkReport> {
  const takeCoverage = request.hasCoverage ? await startCoverage() : undefined;
  const report: ChunkReport = {
    seeds: 0,
    events: 0,
    kills: 0,
    pauses: 0,
    partitions: 0,
    usurpers: 0,
    attempts: 0,
    restores: 0,
    commits: 0,
    unknown: 0,
    removed: 0,
    stopped: 0,
    failures: [],
    uncovered: {},
  };
  const end = request.from - (request.from % request.step) + request.count;
  for (let seed = request.from; seed < end; seed += request.step) {
    await addSeed(report, String(seed), request.bug);
  }
  report.uncovered = (await takeCoverage?.()) ?? {};
  return report;
}

async function addSeed(
  report: ChunkReport,
  seed: string,
  failpoint: FailpointName | undefined,
): Promise<void> {
  const run = await runSeed({ seed, ...(failpoint === undefined ? {} : { failpoint }) });
  const { faultCounts, counts } = run;
  report.seeds += 1;
  report.events += run.eventCount;
  report.kills +=
    faultCounts["kill-worker"] + faultCounts["kill-slot"] + faultCounts["kill-coordinator"];
  report.pauses += faultCounts["pause-worker"] + faultCounts["pause-coordinator"];
  report.partitions += faultCounts.partition;
  report.usurpers += faultCounts.usurp;
  report.attempts += counts.attempts;
  report.restores += counts.nonEmptyRestores;
  report.commits += counts.commits;
  report.unknown += run.unknownOutcomes;
  report.removed += counts.removedObjects;
  if (run.outcome === "stopped") report.stopped += 1;
  if (run.violation !== undefined) report.failures.push({ seed, violation: run.violation });
}

process.once("message", (request: ChunkRequest) => {
  void runChunk(request).then((report) => {
    // The parent has it all: nothing is left to run.
    process.send?.(report, () => process.disconnect());
  });
});
