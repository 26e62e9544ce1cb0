import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

/** The root of this repository: where commands run, so that relative paths begin there. */
export const repositoryFolder: string = fileURLToPath(new URL("../..", import.meta.url));
const main = join(repositoryFolder, "packages/cli/dist/main.js");

export interface CommandResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the built command to its end. */
export async function runMillrace(...args: readonly string[]): Promise<CommandResult> {
  const child = spawn(process.execPath, [main, ...args], { cwd: repositoryFolder });
  const [stdout, stderr] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    child.exitCode === null ? once(child, "exit") : undefined,
  ]);
  return { exitCode: child.exitCode, stdout, stderr };
}
