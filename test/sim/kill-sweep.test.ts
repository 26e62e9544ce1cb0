import { expect, test } from "vitest";

import { describeCase, listSweepCases, runSweepCase } from "./kill-sweep.ts";

/** `pnpm sim --sweep 0` runs all of them. */
const everyNth = 7;

test(
  "whoever dies between two calls of a store, the job goes on and nothing is lost or left (F4)",
  {
    timeout: 120_000,
  },
  async () => {
    const cases = (await listSweepCases("0")).filter((_, index) => index % everyNth === 0);
    const failures: string[] = [];
    let deaths = 0;
    for (const one of cases) {
      const { hasDied, violation } = await runSweepCase(one);
      if (hasDied) deaths += 1;
      if (violation !== undefined) failures.push(`${describeCase(one)}: ${violation}`);
    }
    expect(failures).toEqual([]);
    expect(deaths).toBeGreaterThan(cases.length * 0.8);
    process.stdout.write(`kill sweep: ${deaths} deaths in ${cases.length} runs\n`);
  },
);
