import { execFile } from "node:child_process";
import { access, constants, mkdir, rename, rm } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
/** What tests install for themselves; away with `node_modules`. */
export const serverCache: string = fileURLToPath(
  new URL("../../node_modules/.cache/millrace-servers", import.meta.url),
);
const installTimeoutMs = 15 * 60_000;

export interface ProgramRecipe {
  /** The executable's name. */
  readonly program: string;
  /** Installs it into the folder, or onto the PATH; absent tools make it throw. */
  readonly install: (folder: string) => Promise<void>;
  /** What a person can do where the installation does not work. */
  readonly remedy: string;
}

/**
 * Returns the path of a program: from the PATH, else from the cache, else installed there, by one
 * process at a time. Throws with the remedy: a test without its server fails.
 */
export async function locateProgram(recipe: ProgramRecipe): Promise<string> {
  const known = await findProgram(recipe.program);
  if (known !== undefined) return known;
  await mkdir(serverCache, { recursive: true });
  await using _lock = await lockFolder(join(serverCache, `${recipe.program}.lock`));
  const meanwhile = await findProgram(recipe.program);
  if (meanwhile !== undefined) return meanwhile;
  const staging = join(serverCache, `${recipe.program}.${process.pid}`);
  await mkdir(staging, { recursive: true });
  try {
    await recipe.install(staging);
    const built = join(staging, recipe.program);
    if (await isExecutable(built)) await rename(built, join(serverCache, recipe.program));
  } catch (cause) {
    throw missing(recipe, cause);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  const installed = await findProgram(recipe.program);
  if (installed === undefined) throw missing(recipe, undefined);
  return installed;
}

/** Installs packages of the system by apt; needs root and Debian or Ubuntu. */
export async function installByApt(...packages: readonly string[]): Promise<void> {
  const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const options = { env: environment, timeout: installTimeoutMs };
  await using _lock = await lockFolder(join(serverCache, "apt.lock"));
  await run("apt-get", ["update", "-qq"], options);
  await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages], options);
}

/** Builds a program of the Go module into the folder; needs Go. */
export async function installByGo(module: string, folder: string): Promise<void> {
  const environment = { ...process.env, GOBIN: folder, GOFLAGS: "-mod=mod" };
  await run("go", ["install", module], { env: environment, timeout: installTimeoutMs });
}

/** Returns where the program is: on the PATH or in the cache. */
export async function findProgram(program: string): Promise<string | undefined> {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", serverCache];
  for (const folder of folders) {
    const path = join(folder, program);
    if (folder !== "" && (await isExecutable(path))) return path;
  }
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A lock between processes: a folder that only one of them can make; left behind, it grows old. */
async function lockFolder(path: string): Promise<AsyncDisposable> {
  const giveUpAtMs = Date.now() + 2 * installTimeoutMs;
  await mkdir(serverCache, { recursive: true });
  for (;;) {
    try {
      await mkdir(path);
      return { [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
    } catch (error) {
      if (Date.now() > giveUpAtMs) {
        throw new Error(`${path} is held by another installation: remove it if there is none`, {
          cause: error,
        });
      }
    }
    await delay(500);
  }
}

function missing({ program, remedy }: ProgramRecipe, cause: unknown): Error {
  return new Error(`the tests need ${program}, which is not here and did not install: ${remedy}`, {
    cause,
  });
}
