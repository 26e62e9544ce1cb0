import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";

import type { StoresKind } from "./cluster/cluster-stores.ts";
import { defaultCounts, type FaultCounts } from "./faults/schedule.ts";
import { formatReport } from "./report/format-report.ts";
import { openHistory } from "./report/history.ts";
import { runChaos } from "./run/run-chaos.ts";

/**
 * `pnpm chaos`: kills processes of a real cluster and says whether that changed anything.
 *
 *     pnpm chaos --kills 200 --seed 1      160 workers, 40 leaders, twice all, pauses, outages, broken links
 *     pnpm chaos --kills 20 --pauses 0     fewer; each count has an option
 *     pnpm chaos --stores embedded         SQLite and a folder instead of etcd and S3
 *     pnpm chaos --keep                    leaves the output, the objects and the caches
 *
 * Needs etcd and an S3 server, which it installs where it can. Writes `--report` (JSON) and beside it
 * the history, one JSON object a line. Exit code 1 says that something was violated, 130 that the run
 * was interrupted.
 */
const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
    "worker-kills": { type: "string" },
    "leader-kills": { type: "string" },
    "kills-of-all": { type: "string" },
    pauses: { type: "string" },
    "s3-outages": { type: "string" },
    "etcd-outages": { type: "string" },
    "link-faults": { type: "string" },
    rate: { type: "string", default: "10000" },
    "split-rows": { type: "string", default: "45455" },
    "gc-period": { type: "string", default: "10000" },
    stores: { type: "string", default: "production" },
    report: { type: "string", default: "out/chaos/report.json" },
    keep: { type: "boolean", default: false },
  },
});

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Returns the option as a number; exits where it is none. */
function readNumber(name: Exclude<keyof typeof values, "keep">, usual = 0): number {
  const text = values[name];
  if (text === undefined) return usual;
  if (/^\d+$/.test(text)) return Number(text);
  process.stderr.write(`--${name} is ${JSON.stringify(text)}: give a whole number\n`);
  process.exit(2);
}

function readStores(): StoresKind {
  const { stores } = values;
  if (stores === "embedded" || stores === "production") return stores;
  process.stderr.write(`--stores is ${JSON.stringify(stores)}: give embedded or production\n`);
  process.exit(2);
}

function readCounts(): FaultCounts {
  const counts = defaultCounts(readNumber("kills"));
  return {
    workerKills: readNumber("worker-kills", counts.workerKills),
    leaderKills: readNumber("leader-kills", counts.leaderKills),
    killsOfAll: readNumber("kills-of-all", counts.killsOfAll),
    pauses: readNumber("pauses", counts.pauses),
    s3Outages: readNumber("s3-outages", counts.s3Outages),
    etcdOutages: readNumber("etcd-outages", counts.etcdOutages),
    linkFaults: readNumber("link-faults", counts.linkFaults),
  };
}

async function main(): Promise<number> {
  const settings = {
    seed: readNumber("seed"),
    counts: readCounts(),
    storesKind: readStores(),
    rowsPerSecond: readNumber("rate"),
    splitRows: readNumber("split-rows"),
    gcPeriodMs: readNumber("gc-period"),
  };
  const abort = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => abort.abort(new Error("interrupted")));
  }
  const reportFile = resolve(values.report);
  await mkdir(dirname(reportFile), { recursive: true });
  const historyFile = `${reportFile.replace(/\.json$/, "")}.history.jsonl`;
  const folder = await mkdtemp(join(tmpdir(), "millrace-chaos-"));
  await using history = openHistory(historyFile);
  const report = await runChaos({ ...settings, folder, history, print, signal: abort.signal });
  await writeFile(reportFile, `${JSON.stringify(report, undefined, 2)}\n`);
  print(`\n${formatReport(report)}\nreport ${reportFile}, history ${historyFile}`);
  const isRight = report.violations.length === 0;
  if (values.keep || (!isRight && !abort.signal.aborted)) print(`data ${folder}`);
  else await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  if (abort.signal.aborted) return 130;
  return isRight ? 0 : 1;
}

process.exitCode = await main();
