import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { compileCacheFolder } from "../compile-cache.ts";
import type { ProcessExit, ProcessHost, ProcessSpec } from "./process-host.ts";

const tailLineCount = 8;

/**
 * Returns a host of real processes. The standard input of each is a pipe of this process, by whose
 * end it knows that this one is gone.
 */
export function createNodeProcessHost(): ProcessHost {
  return {
    start(spec, handlers) {
      const child = startChild(spec);
      let isGone = false;
      const tell = (cause: ProcessExit): void => {
        if (isGone) return;
        isGone = true;
        handlers.onExit(cause);
      };
      // A process that is gone cannot be written to; that it is gone comes as its exit.
      child.stdin?.on("error", () => undefined);
      // Also told when a signal could not be sent; then the process is still there.
      child.on("error", ({ message }) => {
        if (child.pid === undefined) tell({ kind: "not-started", reason: message });
      });
      child.once("exit", (exitCode, signal) =>
        tell(
          signal === null
            ? { kind: "exited", exitCode: exitCode ?? 0 }
            : { kind: "signalled", signal },
        ),
      );
      return {
        ...(child.pid === undefined ? {} : { processId: child.pid }),
        end: () => void child.kill("SIGTERM"),
        kill: () => void child.kill("SIGKILL"),
      };
    },
    readLogTail: ({ logFile }) => readLogTail(logFile),
  };
}

function startChild(spec: ProcessSpec): ChildProcess {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const main = fileURLToPath(new URL(`../main.${extension}`, import.meta.url));
  const log = openSync(spec.logFile, "a");
  try {
    return spawn(process.execPath, [...process.execArgv, main, ...spec.args, "--supervised"], {
      stdio: ["pipe", "ignore", log],
      // By the environment it serves slot threads too.
      env: { NODE_COMPILE_CACHE: compileCacheFolder(), ...ownEnvironment(process.env) },
    });
  } finally {
    closeSync(log);
  }
}

/** Settings of a cluster elsewhere are not for this one: it would join that. */
function ownEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(environment).filter(([name]) => !name.startsWith("MILLRACE_"));
  return { ...Object.fromEntries(kept), MILLRACE_CONFIG: "none" };
}

function readLogTail(logFile: string): string {
  try {
    return readFileSync(logFile, "utf8").trimEnd().split("\n").slice(-tailLineCount).join("\n");
  } catch {
    return "";
  }
}
