import type { ChaosReport, FaultResult, RestoreResult } from "./chaos-report.ts";
import type { Spread } from "./quantile.ts";

/** Returns one line about a fault that is over. */
export function formatFault(
  { fault, recovery }: FaultResult,
  restore: RestoreResult | undefined,
): string {
  const { action, target } = fault;
  const lasted = "durationMs" in action ? ` for ${seconds(action.durationMs)}` : "";
  const parts = [
    `${describeAction(action)} ${target}${lasted}`,
    recovery.noticedMs === undefined ? "" : `noticed ${seconds(recovery.noticedMs)}`,
    recovery.ledMs === undefined ? "" : `next leader ${seconds(recovery.ledMs)}`,
    recovery.resumedMs === undefined ? "" : `resumed ${seconds(recovery.resumedMs)}`,
    restore === undefined ? "" : formatRestore(restore),
    recovery.checkpointMs === undefined ? "" : `checkpoint ${seconds(recovery.checkpointMs)}`,
  ];
  return parts.filter((part) => part !== "").join(", ");
}

/** Returns the report for people, without the single faults. */
export function formatReport(report: ChaosReport): string {
  const { counts, output, restores, checkpointRounds } = report;
  const restored = checkpointRounds.flatMap((round) => round.restored);
  const last = checkpointRounds.at(-1);
  const lines = [
    `chaos, seed ${report.seed}, ${report.stores} stores, ${seconds(report.durationMs)}`,
    `faults           ${Object.entries(counts)
      .map(([kind, count]) => `${count} ${kind}`)
      .join(", ")}`,
    `machine          load ${report.load.average.toFixed(1)} on ${report.load.processors} processors, on average`,
    `input            ${group(report.lastRow)} rows`,
    output === undefined
      ? "output           not complete"
      : `output           ${group(output.expectedRows)} rows expected, ${group(output.committedRows)} committed: ${output.lostRows} lost, ${output.doubledRows} doubled, ${output.wrongRows} wrong`,
    `recoveries       ${restores.length}, ${(report.fromCheckpointShare * 100).toFixed(1)} % from a checkpoint with state`,
    `  state          ${spreadText(
      restores.map(({ restoredBytes }) => restoredBytes / 1_000),
      "kB",
    )}`,
    `  rows skipped   ${spreadText(
      restores.map(({ rowsSkipped }) => rowsSkipped),
      "rows",
    )}`,
    `killed workers   noticed ${formatSpread(report.noticed)}`,
    `                 records flow again ${formatSpread(report.resumed)}`,
    `killed leaders   the next one leads ${formatSpread(report.failover)}`,
    `                 records flow again ${formatSpread(report.resumedAfterLeader)}`,
    `checkpoints      ${report.checkpointsCompleted} completed; ${restored.length} restored in ${checkpointRounds.length} rounds, up to ${group(Math.max(0, ...restored.map(({ cellCount }) => cellCount)))} cells`,
    report.garbageGoneMs === undefined
      ? `objects          ${last?.orphans.length ?? 0} that no checkpoint names are left`
      : `objects          none that no checkpoint names, ${seconds(report.garbageGoneMs)} after the end (GC every ${seconds(report.gcPeriodMs)})`,
    ...report.ownEnds.map((end) => `ended by itself  ${end}`),
    ...Object.entries(report.errorLines).map(
      ([line, count]) => `error line       ${count} x ${line}`,
    ),
    ...report.goals.map(
      ({ what, limitMs, measuredMs, isMet }) =>
        `goal ${isMet ? "met  " : "MISSED"}      ${what}: ${measuredMs === undefined ? "-" : seconds(measuredMs)} (at most ${seconds(limitMs)})`,
    ),
    ...(output?.examples ?? []).map((example) => `                 ${example}`),
    ...report.violations.map((violation) => `VIOLATION        ${violation}`),
    report.violations.length === 0 ? "no violation" : `${report.violations.length} violations`,
  ];
  return lines.join("\n");
}

function describeAction(action: FaultResult["fault"]["action"]): string {
  switch (action.kind) {
    case "s3-outage":
    case "etcd-outage":
      return `${action.kind} (${action.mode})`;
    case "link-fault": {
      const { kind, ...limits } = action.link;
      const [limit] = Object.entries(limits);
      return `link ${kind}${limit === undefined ? "" : ` ${limit[0]} ${String(limit[1])}`}`;
    }
    case "kill-worker":
    case "kill-leader":
    case "kill-all":
    case "pause-worker":
    case "pause-leader":
    case "pause-standby":
      return action.kind;
  }
}

function formatRestore({ checkpointId, restoredBytes, rowsSkipped }: RestoreResult): string {
  if (checkpointId === undefined) return "from the beginning";
  const kilobytes = (restoredBytes / 1_000).toFixed(0);
  return `from checkpoint ${checkpointId} (${kilobytes} kB, ${group(rowsSkipped)} rows skipped)`;
}

function formatSpread({ count, p50, p99, max }: Spread): string {
  if (p50 === undefined || p99 === undefined || max === undefined) return "never";
  return `p50 ${seconds(p50)}, p99 ${seconds(p99)}, max ${seconds(max)} (${count})`;
}

function spreadText(values: readonly number[], unit: string): string {
  if (values.length === 0) return "-";
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)] ?? 0;
  return `${group(sorted[0] ?? 0)} to ${group(sorted.at(-1) ?? 0)} ${unit}, median ${group(middle)}`;
}

function seconds(valueMs: number): string {
  return `${(valueMs / 1_000).toFixed(valueMs < 10_000 ? 2 : 1)} s`;
}

function group(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
