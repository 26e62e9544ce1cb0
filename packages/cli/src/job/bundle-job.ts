import { access } from "node:fs/promises";
import { isBuiltin } from "node:module";
import { dirname, relative, resolve } from "node:path";
import { stripVTControlCharacters } from "node:util";

import { StreamError, type Digest } from "@millrace/core";
import { rolldown, type RolldownLog } from "rolldown";

/** A job module with all that it imports, as one ESM file; Node's own modules stay outside. */
export interface JobBundle {
  readonly sha256: string;
  readonly bytes: Uint8Array;
  /** Absolute path of the module that was bundled. */
  readonly entry: string;
}

/**
 * Returns the bundle of a job module; the same sources give the same bytes. Throws
 * `job-module-not-found`, `job-module-syntax` with file and line, `job-module-invalid` for an import
 * that cannot be found.
 */
export async function bundleJob(path: string, digest: Digest): Promise<JobBundle> {
  const entry = resolve(path);
  await access(entry).catch((cause: unknown) => {
    throw new StreamError(
      "job-module-not-found",
      `there is no job module ${entry}: check the path, relative ones begin at ${process.cwd()}`,
      { domain: "user", retry: "never", cause },
    );
  });
  const bytes = new TextEncoder().encode(await buildCode(entry));
  return { entry, bytes, sha256: digest.sha256(bytes) };
}

async function buildCode(entry: string): Promise<string> {
  const unresolved: RolldownLog[] = [];
  try {
    const build = await rolldown({
      input: entry,
      platform: "node",
      // From our own sources, workspace packages are read as sources too.
      resolve: { conditionNames: [...sourceCondition(), "node", "import", "module", "default"] },
      external: (id) => isBuiltin(id),
      onLog: (_level, log) => {
        if (log.code === "UNRESOLVED_IMPORT") unresolved.push(log);
      },
    });
    // Inlined maps give the author's lines in stacks, on every machine.
    const { output } = await build.generate({
      format: "esm",
      sourcemap: "inline",
      sourcemapPathTransform: (source, map) => resolve(dirname(map), source),
      codeSplitting: false,
    });
    await build.close();
    const [first] = unresolved;
    if (first !== undefined) throw toBundleError(entry, first);
    return output[0].code;
  } catch (error) {
    if (error instanceof StreamError) throw error;
    throw toBundleError(entry, firstLog(error), error);
  }
}

function sourceCondition(): readonly string[] {
  return import.meta.url.endsWith(".ts") ? ["@millrace/source"] : [];
}

function firstLog(error: unknown): RolldownLog {
  if (error instanceof Error && "errors" in error && Array.isArray(error.errors)) {
    const logs: readonly unknown[] = error.errors;
    const [log] = logs;
    if (isLog(log)) return log;
  }
  return { message: error instanceof Error ? error.message : String(error) };
}

function isLog(value: unknown): value is RolldownLog {
  return typeof value === "object" && value !== null && "message" in value;
}

function toBundleError(entry: string, log: RolldownLog, cause?: unknown): StreamError {
  const [line = ""] = stripVTControlCharacters(log.message).split("\n");
  const reason = line.replace(/^\[[A-Z_]+\] /, "");
  const file = log.loc?.file ?? log.id ?? entry;
  const at = log.loc === undefined ? "" : `:${log.loc.line}:${log.loc.column + 1}`;
  const where = `${relative(process.cwd(), file) || file}${at}`;
  if (log.code === "UNRESOLVED_IMPORT") {
    const message = `${where}: ${reason}: install the package or correct the path of the import`;
    return new StreamError("job-module-invalid", message, {
      domain: "user",
      retry: "never",
      cause,
    });
  }
  return new StreamError("job-module-syntax", `${where}: ${reason}`, {
    domain: "user",
    retry: "never",
    cause,
  });
}
