import { execFile } from "node:child_process";
import { cpus, loadavg, totalmem } from "node:os";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Where figures come from. */
export interface Machine {
  readonly processors: number;
  readonly model: string;
  readonly memoryGiB: number;
  readonly node: string;
  /** With `+` behind it where the work tree has changes. */
  readonly commit: string;
  /** The load of the last minute: what ran beside. */
  readonly load: number;
  readonly at: string;
}

/** Returns what this machine is and which commit runs on it. */
export async function describeMachine(): Promise<Machine> {
  const processors = cpus();
  return {
    processors: processors.length,
    model: processors[0]?.model.trim() ?? "unknown",
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    commit: await describeCommit(),
    load: loadavg()[0] ?? 0,
    at: new Date().toISOString(),
  };
}

async function describeCommit(): Promise<string> {
  try {
    const { stdout: commit } = await run("git", ["rev-parse", "--short", "HEAD"]);
    const { stdout: changes } = await run("git", ["status", "--porcelain"]);
    return `${commit.trim()}${changes === "" ? "" : "+"}`;
  } catch {
    return "unknown";
  }
}
