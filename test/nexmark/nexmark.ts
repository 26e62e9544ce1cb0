/*
 * `pnpm nexmark --verify`: runs every Nexmark query over 100,000 events, 1 ms apart, and compares its final rows
 * with DuckDB's: at parallelism 1, and at 2 killed behind three checkpoints and restored at 3. Exit code 1: a query differs or
 * is missing, 2: usage.
 */
import { parseArgs } from "node:util";

import { nexmarkQueries } from "@millrace/examples";

import { createOracle, queryNames, verifiedOptions, type NexmarkOracle } from "./oracle/oracle.ts";
import { queries } from "./oracle/queries.ts";
import type { QueryName } from "./oracle/rows.ts";
import {
  requiredRuns,
  verifyQuery,
  type VerifiedQuery,
  type VerifiedRows,
} from "./verify-query.ts";

const { values } = parseArgs({
  options: {
    verify: { type: "boolean", default: false },
    only: { type: "string" },
    events: { type: "string", default: "100000" },
    output: { type: "string", short: "o", default: "table" },
    help: { type: "boolean", default: false },
  },
});

interface VerifiedReport {
  readonly query: QueryName;
  readonly title: string;
  /** By the name of the run; none where there is no such job. */
  readonly runs: Readonly<Record<string, VerifiedRows>>;
}

async function main(): Promise<void> {
  const events = Number(values.events);
  if (!Number.isSafeInteger(events) || events < 1) {
    refuse(`--events is ${values.events}: give a positive whole number`);
  }
  if (values.output !== "table" && values.output !== "json") {
    refuse(`-o is ${values.output}: give table or json`);
  }
  const wanted = queryNames.filter((query) => values.only === undefined || query === values.only);
  if (wanted.length === 0) refuse(`there is no query ${values.only}: give one of q0 to q22`);
  using oracle = await createOracle({ events, options: verifiedOptions });
  const reports: VerifiedReport[] = [];
  if (values.output === "table") print(heading());
  for (const query of wanted) {
    const report = await verify(query, { events, oracle });
    reports.push(report);
    if (values.output === "table") for (const line of describe(report)) print(line);
  }
  if (values.output === "json") print(JSON.stringify({ events, queries: reports }, undefined, 2));
  if (!reports.every(isEqual)) process.exitCode = 1;
}

async function verify(
  query: QueryName,
  over: { readonly events: number; readonly oracle: NexmarkOracle },
): Promise<VerifiedReport> {
  const { title } = queries[query];
  if (!isVerified(query)) return { query, title, runs: {} };
  const runs: Record<string, VerifiedRows> = {};
  for (const [name, run] of Object.entries(requiredRuns)) {
    runs[name] = await verifyQuery(query, over, run);
  }
  return { query, title, runs };
}

function isVerified(query: QueryName): query is VerifiedQuery {
  return query in nexmarkQueries;
}

/** A query without a job is not equal to anything. */
function isEqual({ runs }: VerifiedReport): boolean {
  const all = Object.values(runs);
  return all.length > 0 && all.every(({ problems }) => problems.length === 0);
}

/** Such as "equal, 12 checkpoints". */
const verdictWidth = 22;

function heading(): string {
  const names = Object.keys(requiredRuns).map((name) => name.padEnd(verdictWidth));
  return ["query", "title".padEnd(28), "rows".padStart(8), ...names].join("  ");
}

function describe({ query, title, runs }: VerifiedReport): readonly string[] {
  const [first] = Object.values(runs);
  const verdicts = Object.entries(runs).map(([name, { problems, checkpoints }]) => {
    const word = problems.length === 0 ? "equal" : "DIFFERS";
    return `${word}, ${checkpoints} ${checkpoints === 1 ? "checkpoint" : "checkpoints"}`.padEnd(
      Math.max(name.length, verdictWidth),
    );
  });
  const rows = first === undefined ? "no job" : first.rows.toLocaleString("en-US");
  return [
    [query.padEnd(5), title.padEnd(28), rows.padStart(8), ...verdicts].join("  ").trimEnd(),
    ...Object.values(runs).flatMap(({ problems }) => problems.map((line) => `      ${line}`)),
  ];
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function refuse(problem: string): never {
  process.stderr.write(`${problem}\n`);
  process.exit(2);
}

if (values.help || !values.verify) {
  print("pnpm nexmark --verify [--only q5] [--events 100000] [-o json]");
  if (!values.help) process.exitCode = 2;
} else await main();
