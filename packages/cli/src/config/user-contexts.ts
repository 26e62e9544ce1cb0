import { randomBytes } from "node:crypto";
import { chmod, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

import { configError } from "./config-error.ts";
import { asObject, parseContext, type ContextSettings } from "./config-file.ts";

/** The clusters that a user has named, and the one in use. */
export interface UserContexts {
  readonly path: string;
  readonly current: string | undefined;
  readonly contexts: ReadonlyMap<string, ContextSettings>;
}

/** Returns the file of this user's contexts, after the XDG base directory specification. */
export function userContextsPath(
  environment: Readonly<Record<string, string | undefined>>,
): string {
  const folder = environment["XDG_CONFIG_HOME"];
  const base = folder === undefined || folder === "" ? join(homedir(), ".config") : folder;
  return join(base, "millrace", "contexts.json");
}

/** Returns the user's contexts, none if there is no file; throws `config-invalid` naming the key. */
export async function readUserContexts(path: string): Promise<UserContexts> {
  const text = await readIfThere(path);
  if (text === undefined) return { path, current: undefined, contexts: new Map() };
  const { current, contexts = {} } = asObject(parseJson(path, text), path);
  if (current !== undefined && typeof current !== "string") {
    throw configError(`${path}: current must be the name of a context`);
  }
  const entries = Object.entries(asObject(contexts, `${path}: contexts`));
  const parsed = entries.map(
    ([name, value]) => [name, parseContext(value, `${path}: ${name}`, dirname(path))] as const,
  );
  return { path, current, contexts: new Map(parsed) };
}

/** Writes the contexts, readable by this user only; whoever reads meanwhile sees old or new. */
export async function writeUserContexts(contexts: UserContexts): Promise<void> {
  const { path, current } = contexts;
  const content = {
    ...(current === undefined ? {} : { current }),
    contexts: Object.fromEntries(
      [...contexts.contexts].map(([name, settings]) => [name, flatten(settings)]),
    ),
  };
  const draft = `${path}.${randomBytes(6).toString("hex")}`;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  try {
    await writeFile(draft, `${JSON.stringify(content, undefined, 2)}\n`, { mode: 0o600 });
    await chmod(draft, 0o600);
    await rename(draft, path);
  } finally {
    await rm(draft, { force: true });
  }
}

function flatten(settings: ContextSettings): Readonly<Record<string, unknown>> {
  const entries = Object.entries(settings);
  return Object.fromEntries(
    entries.map(([name, texts]) => [name, texts.length === 1 ? texts[0] : texts]),
  );
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw configError(`${path} cannot be read: ${String(cause)}`, cause);
  }
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw configError(`${path} does not hold contexts: ${String(cause)}`, cause);
  }
}
