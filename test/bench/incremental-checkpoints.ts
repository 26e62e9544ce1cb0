/*
 * `pnpm bench:incremental`: 1,000,000 keys of which 1 % change between checkpoints, 200 checkpoints.
 * Prints what a checkpoint uploads beside a full one, and what is left in the bucket. Exits with 1 if
 * a checkpoint uploads over 3 % of a full one, or if an object is too many or too few.
 */
import { parseArgs } from "node:util";

import { measureIncremental } from "./incremental/measure-incremental.ts";

const limit = 0.03;

const { values } = parseArgs({
  options: {
    accounts: { type: "string", default: "1000000" },
    changing: { type: "string", default: "10000" },
    checkpoints: { type: "string", default: "200" },
    interval: { type: "string", default: "1000" },
  },
});

const report = await measureIncremental({
  accounts: Number(values.accounts),
  changing: Number(values.changing),
  checkpointCount: Number(values.checkpoints),
  checkpointMs: Number(values.interval),
  onProgress: (text) => void process.stderr.write(`${text}\n`),
});
const { fullBytes, mostObjects, uploadedBytes, verdict } = report;
const sorted = uploadedBytes.toSorted((left, right) => left - right);
const share = (bytes: number): string => `${((100 * bytes) / fullBytes).toFixed(2)} %`;
const at = (quantile: number): number => sorted[Math.ceil(quantile * sorted.length) - 1] ?? 0;
const mean = uploadedBytes.reduce((sum, bytes) => sum + bytes, 0) / uploadedBytes.length;
const cells = verdict.restored.map(({ cellCount }) => cellCount);
process.stdout.write(
  [
    `full checkpoint    ${fullBytes} bytes, ${values.accounts} keys`,
    `each of ${uploadedBytes.length} more   mean ${share(mean)}, p50 ${share(at(0.5))}, p99 ${share(at(0.99))}, most ${share(at(1))}`,
    `objects            at most ${mostObjects} while it ran`,
    `restored           ${verdict.restored.length} retained checkpoints with ${cells.join(", ")} keys`,
    `too few            ${verdict.problems.length}`,
    `too many           ${verdict.orphans.length}`,
    "",
  ].join("\n"),
);
const isGood = at(1) <= limit * fullBytes && verdict.problems.length + verdict.orphans.length === 0;
process.exitCode = isGood && uploadedBytes.length === Number(values.checkpoints) ? 0 : 1;
