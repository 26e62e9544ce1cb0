import { readFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { stripTypeScriptTypes } from "node:module";
import { fileURLToPath } from "node:url";

/** Uncovered line numbers (from 0) by file, as one process saw them. */
export type UncoveredLines = Readonly<Record<string, readonly number[]>>;

/**
 * What runs in a simulation, by path under `packages/`: everything above the ports. The adapters of
 * ports and the entry points of real processes and threads stay outside.
 */
const above =
  /^(core|graph|checkpoint|state|operators|exchange|worker|coordinator|rpc)\/src\/(?!.*(?:\.test|\.int\.test)\.ts$)/;
const adapters =
  /^(exchange\/src\/socket|rpc\/src\/(gen|grpc|error-mapping)|worker\/src\/(thread|main|slot\/module-guard|slot\/.*thread))/;

/** Counts which blocks run in this process, from now on. */
export async function startCoverage(): Promise<() => Promise<UncoveredLines>> {
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  return async () => {
    const { result } = await session.post("Profiler.takePreciseCoverage");
    session.disconnect();
    const uncovered: Record<string, readonly number[]> = {};
    for (const { url, functions } of result) {
      const path = packagePath(url);
      if (path === undefined) continue;
      const counts = functions.flatMap(({ ranges }) => ranges);
      uncovered[path] = uncoveredLines(readFileSync(fileURLToPath(url), "utf8"), counts);
    }
    return uncovered;
  };
}

function packagePath(url: string): string | undefined {
  const [, path = ""] = url.split("/packages/");
  return above.test(path) && !adapters.test(path) ? path : undefined;
}

interface CountedRange {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

/** Inner ranges come after outer ones: the last range that covers an offset decides. */
function uncoveredLines(source: string, ranges: readonly CountedRange[]): readonly number[] {
  const ran = new Uint8Array(source.length).fill(1);
  for (const { startOffset, endOffset, count } of ranges) {
    ran.fill(count > 0 ? 1 : 0, startOffset, endOffset);
  }
  const lines: number[] = [];
  let offset = 0;
  for (const [index, line] of source.split("\n").entries()) {
    const first = offset + line.length - line.trimStart().length;
    if (ran[first] === 0) lines.push(index);
    offset += line.length + 1;
  }
  return lines;
}

export interface CoverageSummary {
  readonly coveredLines: number;
  readonly totalLines: number;
  readonly files: readonly { path: string; coveredLines: number; totalLines: number }[];
}

/** Returns the lines of code that ran in any of the processes; a file that none loaded is missing. */
export function summarizeCoverage(
  reports: readonly UncoveredLines[],
  packagesFolder: string,
): CoverageSummary {
  const paths = new Set(reports.flatMap((report) => Object.keys(report)));
  const files = [...paths].toSorted().map((path) => {
    const code = codeLines(readFileSync(`${packagesFolder}/${path}`, "utf8"));
    const seen = reports.filter((report) => report[path] !== undefined);
    const missed = code.filter((line) => seen.every((report) => report[path]?.includes(line)));
    return { path, totalLines: code.length, coveredLines: code.length - missed.length };
  });
  const sum = (pick: (file: (typeof files)[number]) => number): number =>
    files.reduce((total, file) => total + pick(file), 0);
  return {
    coveredLines: sum((file) => file.coveredLines),
    totalLines: sum((file) => file.totalLines),
    files,
  };
}

/** Lines that hold code once types and comments are gone; brackets alone do not count. */
function codeLines(source: string): readonly number[] {
  const code = stripTypeScriptTypes(source).replaceAll(/\/\*[^]*?\*\//g, (comment) =>
    comment.replaceAll(/[^\n]/g, " "),
  );
  return code.split("\n").flatMap((line, index) => {
    const text = line.replace(/\/\/.*$/, "").trim();
    const isCode = /[A-Za-z0-9]/.test(text) && !/^(import|export) .*from|^export \{$/.test(text);
    return isCode ? [index] : [];
  });
}
