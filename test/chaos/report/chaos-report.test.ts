import { expect, test } from "vitest";

import type { OutputVerdict } from "../verify/verify-output.ts";
import type { Recovery } from "../watch/measure-recovery.ts";
import { judge, type ChaosFacts, type FaultResult, type RestoreResult } from "./chaos-report.ts";
import { formatReport } from "./format-report.ts";

const output: OutputVerdict = {
  expectedRows: 10,
  committedRows: 10,
  lostRows: 0,
  doubledRows: 0,
  wrongRows: 0,
  stagedFiles: [],
  examples: [],
};

const clean: ChaosFacts = {
  seed: 1,
  stores: "production",
  durationMs: 60_000,
  load: { average: 1.5, processors: 2 },
  faults: [],
  restores: [],
  lastRow: 1_000,
  output,
  checkpointRounds: [{ restored: [], problems: [], orphans: [] }],
  garbageGoneMs: 5_000,
  gcPeriodMs: 5_000,
  checkpointsCompleted: 50,
  ownEnds: [],
  errorLines: {},
};

function killOf(kind: "kill-worker" | "kill-leader", recovery: Recovery): FaultResult {
  const action = kind === "kill-worker" ? { kind, victim: 0 } : { kind };
  const times = { startedAtMs: 0, endedAtMs: 0, attemptBefore: 1, leaderBefore: "coordinator-0" };
  return { fault: { action, target: "worker-1", ...times }, recovery };
}

function restoreOf(checkpointId: string | undefined, restoredBytes: number): RestoreResult {
  return {
    attempt: 2,
    atMs: 0,
    durationMs: 100,
    restoredBytes,
    sourcePositions: "",
    rowsSkipped: 0,
    ...(checkpointId === undefined ? {} : { checkpointId }),
  };
}

test("a run in which all holds has no violation", () => {
  const report = judge(clean);
  expect(report.violations).toEqual([]);
  expect(formatReport(report)).toContain("0 lost, 0 doubled, 0 wrong");
});

test.each<[string, Partial<ChaosFacts>, string]>([
  ["lost rows", { output: { ...output, lostRows: 2 } }, "S13: 2 rows lost"],
  ["doubled rows", { output: { ...output, doubledRows: 3 } }, "S13: 3 rows doubled"],
  ["wrong rows", { output: { ...output, wrongRows: 1 } }, "S13: 1 rows wrong"],
  ["no rows at all", { output: { ...output, expectedRows: 0 } }, "proves nothing"],
  [
    "a staged file",
    { output: { ...output, stagedFiles: ["board-0"] } },
    "S13: staged files are left: board-0",
  ],
  [
    "a checkpoint that does not restore, also in an early round",
    {
      checkpointRounds: [
        { restored: [], problems: ["checkpoint 7: object x is missing"], orphans: [] },
        { restored: [], problems: [], orphans: [] },
      ],
    },
    "D3, S4: checkpoint 7: object x is missing",
  ],
  ["what the command finds", { verifyProblem: "exit code 1" }, "D3: millrace verify: exit code 1"],
  ["garbage that stays too long", { garbageGoneMs: 15_001 }, "L4: objects"],
  ["a recovery that did not come", { failure: "L1: recovery from 3/9" }, "L1: recovery from 3/9"],
  [
    "recoveries that begin anew",
    { restores: [restoreOf("5", 10), restoreOf("6", 0), restoreOf(undefined, 0)] },
    "only 33 % of the recoveries began at a checkpoint with state",
  ],
])("%s: a violation", (_what, facts, message) => {
  const { violations } = judge({ ...clean, ...facts });
  expect(violations).toHaveLength(1);
  expect(violations[0]).toContain(message);
});

test("garbage that never goes and output that never comes are violations", () => {
  const { garbageGoneMs: _gone, output: _output, ...rest } = clean;
  const { violations } = judge(rest);
  expect(violations).toHaveLength(2);
});

test("kills are measured by kind, and goals compared", () => {
  const workers = Array.from({ length: 100 }, (_, index) =>
    killOf("kill-worker", { noticedMs: 20, resumedMs: 1_000 + 40 * index }),
  );
  const report = judge({
    ...clean,
    faults: [...workers, killOf("kill-leader", { ledMs: 9_000, resumedMs: 11_000 })],
  });
  expect(report.counts).toEqual({ "kill-worker": 100, "kill-leader": 1 });
  expect(report.resumed).toEqual({ count: 100, p50: 2_960, p99: 4_920, max: 4_960 });
  expect(report.goals.map(({ isMet }) => isMet)).toEqual([true, false, false, false]);
  expect(report.violations).toEqual([]);
});
