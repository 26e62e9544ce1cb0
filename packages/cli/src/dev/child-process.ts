import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { compileCacheFolder } from "../compile-cache.ts";

/** One of the processes that `dev` keeps alive. */
export interface ChildSpec {
  readonly name: string;
  /** What follows `millrace` on its command line. */
  readonly args: readonly string[];
  readonly logFile: string;
}

/**
 * Starts a `millrace` process whose standard input is a pipe of this process: it ends when this one
 * does, however that comes about. Its log goes to a file.
 */
export function startChild(spec: ChildSpec): ChildProcess {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const main = fileURLToPath(new URL(`../main.${extension}`, import.meta.url));
  const log = openSync(spec.logFile, "a");
  try {
    return spawn(process.execPath, [...process.execArgv, main, ...spec.args, "--supervised"], {
      stdio: ["pipe", "ignore", log],
      // By the environment it serves slot threads too.
      env: { NODE_COMPILE_CACHE: compileCacheFolder(), ...process.env },
    });
  } finally {
    closeSync(log);
  }
}

/** Returns the last lines of a log file; empty if there is none. */
export function readLogTail(logFile: string, lineCount = 8): string {
  try {
    return readFileSync(logFile, "utf8").trimEnd().split("\n").slice(-lineCount).join("\n");
  } catch {
    return "";
  }
}
