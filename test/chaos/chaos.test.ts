import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { defaultCounts } from "./faults/schedule.ts";
import { formatReport } from "./report/format-report.ts";
import { openHistory } from "./report/history.ts";
import { runChaos } from "./run/run-chaos.ts";

const kills = 20;

test(
  "F1 F2 F5 F6 F7 F10 F15: 20 kills of real processes on etcd and S3, pauses, outages and a broken link lose and double nothing",
  { timeout: 600_000 },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "millrace-chaos-"));
    const abort = new AbortController();
    onTestFinished(async ({ task }) => {
      abort.abort(new Error("the test has ended"));
      if (task.result?.state === "pass") await rm(folder, { recursive: true, maxRetries: 5 });
      else process.stdout.write(`data and history: ${folder}\n`);
    });
    await using history = openHistory(join(folder, "history.jsonl"));
    const report = await runChaos({
      seed: 1,
      counts: defaultCounts(kills),
      storesKind: "production",
      folder,
      history,
      rowsPerSecond: 10_000,
      splitRows: 15_000,
      gcPeriodMs: 10_000,
      print: (line) => process.stdout.write(`${line}\n`),
      signal: abort.signal,
    });
    process.stdout.write(`${formatReport(report)}\n`);
    expect(report.violations).toEqual([]);
    expect(report.counts).toMatchObject({ "kill-worker": 16, "kill-leader": 4 });
    expect(report.output).toMatchObject({ lostRows: 0, doubledRows: 0, wrongRows: 0 });
    expect(report.restores.length).toBeGreaterThanOrEqual(kills);
  },
);
