import { access, readFile, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { configError } from "./config-error.ts";
import { parseConfigFile, type ConfigFile } from "./config-file.ts";

const fileNames = ["ts", "mts", "js", "mjs", "json"].map((ending) => `millrace.config.${ending}`);

/** Says that no config file is read, as a value of `--config`. */
const noConfigFile = "none";

/**
 * Returns the config file that is named, else the nearest one from the folder upwards, or undefined.
 * Throws `config-invalid`. A file above the folder that belongs to another user is refused: reading
 * it runs it.
 */
export async function loadConfigFile(
  folder: string,
  named: string | undefined,
): Promise<ConfigFile | undefined> {
  if (named === noConfigFile) return undefined;
  const path = named === undefined ? await findConfigFile(folder) : resolve(folder, named);
  if (path === undefined) return undefined;
  return parseConfigFile(path, dirname(path), await readContent(path));
}

async function findConfigFile(folder: string): Promise<string | undefined> {
  for (let current = resolve(folder); ; current = dirname(current)) {
    for (const name of fileNames) {
      const path = join(current, name);
      if (!(await isThere(path))) continue;
      if (current !== resolve(folder)) await refuseForeign(path);
      return path;
    }
    if (current === dirname(current)) return undefined;
  }
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function refuseForeign(path: string): Promise<void> {
  const own = process.getuid?.();
  const { uid } = await stat(path);
  if (own === undefined || uid === own || uid === 0) return;
  throw configError(
    `${path} belongs to another user (id ${uid}), and reading it would run it; ` +
      "name it with --config if you trust it, or say --config none",
  );
}

async function readContent(path: string): Promise<unknown> {
  try {
    if (path.endsWith(".json")) return JSON.parse(await readFile(path, "utf8"));
    // Node strips the types by itself.
    const module: unknown = await import(/* @vite-ignore */ pathToFileURL(path).href);
    return defaultOf(module, path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw configError(`${path} cannot be read: ${reason}`, cause);
  }
}

function defaultOf(module: unknown, path: string): unknown {
  if (typeof module === "object" && module !== null && "default" in module) return module.default;
  throw new Error(
    `it has no default export; write \`export default defineConfig({ … })\` in ${path}`,
  );
}
