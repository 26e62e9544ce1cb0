import { runSeed } from "@millrace/testing";
import { expect } from "vitest";

import { addTo, type Totals } from "./totals.ts";

/** May be missing from a hundred seeds. */
const isRare: ReadonlySet<string> = new Set(["damage-object"]);

/**
 * Runs seeds [from, from + count), each of the profile that it draws, says what they did, and returns
 * those that broke an invariant.
 */
export async function runSeeds(from: number, count: number): Promise<readonly string[]> {
  const failures: string[] = [];
  const totals: Totals = {};
  const faults: Totals = {};
  for (let seed = from; seed < from + count; seed += 1) {
    const { profile, violation, ...report } = await runSeed({ seed: String(seed) });
    if (violation !== undefined) {
      failures.push(`pnpm sim --seed ${seed} --profile ${profile}: ${violation}`);
    }
    const { unknownOutcomes, wrongReads, restoredCells } = report;
    addTo(totals, { [profile]: 1, unknownOutcomes, wrongReads, restoredCells, ...report.counts });
    addTo(faults, report.faultCounts);
  }
  // A run without any of these would prove nothing.
  const missing = Object.entries({ ...totals, ...faults }).filter(
    ([name, total]) => total === 0 && !isRare.has(name),
  );
  expect(missing).toEqual([]);
  const text = JSON.stringify({ ...totals, ...faults });
  process.stdout.write(`seeds ${from} to ${from + count - 1}: ${text}\n`);
  return failures;
}
