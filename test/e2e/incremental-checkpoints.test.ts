import { expect, test } from "vitest";

import { measureIncremental } from "../bench/incremental/measure-incremental.ts";

const accounts = 300_000;
const changing = accounts / 100;
const checkpointCount = 20;

// The same at a million keys and 200 checkpoints: pnpm bench:incremental.
test(
  "where 1 % of the keys changes, a checkpoint uploads at most 3 % of a full one, and no object is too many or missing (S4, L4)",
  { timeout: 240_000 },
  async () => {
    const { fullBytes, uploadedBytes, verdict } = await measureIncremental({
      accounts,
      changing,
      checkpointCount,
      checkpointMs: 400,
    });
    const shares = uploadedBytes.map((bytes) => bytes / fullBytes);
    const texts = shares.map((share) => (100 * share).toFixed(2));
    process.stdout.write(`${fullBytes} bytes in full; uploaded, in %: ${texts.join(" ")}\n`);
    expect(shares).toHaveLength(checkpointCount);
    expect(Math.max(...shares)).toBeLessThanOrEqual(0.03);
    // A checkpoint without the changes would be small too.
    expect(Math.min(...shares)).toBeGreaterThan(0.005);
    expect(verdict.problems).toEqual([]);
    expect(verdict.orphans).toEqual([]);
    expect(verdict.restored.length).toBeGreaterThanOrEqual(3);
    for (const { cellCount } of verdict.restored) expect(cellCount).toBe(accounts);
  },
);
