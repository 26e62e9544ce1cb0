import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

/** The root of this repository: where commands run, so that relative paths begin there. */
export const repositoryFolder: string = fileURLToPath(new URL("../..", import.meta.url));
const main = join(repositoryFolder, "packages/cli/dist/main.js");

/** What a process says it may say before it listens to signals. */
const settleMs = 1_000;

export interface CommandResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where a command runs. */
export interface CommandPlace {
  /** Default: the root of this repository. */
  readonly folder?: string;
  /** Added to this process's; undefined takes one away. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Asks the command to end (SIGTERM) soon after its standard error says this; default: never. */
  readonly endWhen?: RegExp;
}

/** Runs the built command to its end. */
export function runMillrace(...args: readonly string[]): Promise<CommandResult> {
  return runMillraceIn({}, ...args);
}

/** Runs the built command to its end, in a folder and an environment of the caller's. */
export async function runMillraceIn(
  { folder = repositoryFolder, environment = {}, endWhen }: CommandPlace,
  ...args: readonly string[]
): Promise<CommandResult> {
  const env = { ...process.env, ...environment };
  const child = spawn(process.execPath, [main, ...args], { cwd: folder, env });
  let said = "";
  let timer: NodeJS.Timeout | undefined;
  child.stderr.on("data", (bytes: Uint8Array) => {
    said += new TextDecoder().decode(bytes);
    if (timer !== undefined || endWhen?.test(said) !== true) return;
    timer = setTimeout(() => child.kill("SIGTERM"), settleMs);
  });
  const [stdout, stderr] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    child.exitCode === null ? once(child, "exit") : undefined,
  ]);
  clearTimeout(timer);
  return { exitCode: child.exitCode, stdout, stderr };
}
