import { runSeed } from "@millrace/testing";
import { expect } from "vitest";

/** Runs seeds [from, from + count), says what they did, and returns those that broke an invariant. */
export async function runSeeds(from: number, count: number): Promise<readonly string[]> {
  const failures: string[] = [];
  const totals = { kills: 0, restores: 0, unknownOutcomes: 0, commits: 0 };
  for (let seed = from; seed < from + count; seed += 1) {
    const report = await runSeed({ seed: String(seed) });
    if (report.violation !== undefined)
      failures.push(`pnpm sim --seed ${seed}: ${report.violation}`);
    const { faultCounts, counts } = report;
    totals.kills += faultCounts["kill-worker"] + faultCounts["kill-coordinator"];
    totals.restores += counts.nonEmptyRestores;
    totals.unknownOutcomes += report.unknownOutcomes;
    totals.commits += counts.commits;
  }
  // A run without any of these would prove nothing.
  for (const total of Object.values(totals)) expect(total).toBeGreaterThan(0);
  process.stdout.write(`seeds ${from} to ${from + count - 1}: ${JSON.stringify(totals)}\n`);
  return failures;
}
