import { fork, type ChildProcess } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { fromFailureData, StreamError, type JsonValue } from "@millrace/core";

import { compileCacheFolder } from "../compile-cache.ts";
import type { JobBundle } from "./bundle-job.ts";
import { isPlanAnswer, type PlanRequest } from "./plan-protocol.ts";

export interface PlanOptions {
  readonly params: JsonValue;
  /** What the module may read as `process.env` while it loads and builds. */
  readonly environment: Readonly<Record<string, string>>;
  readonly baseDirectory: string;
  readonly timeoutMs: number;
}

/**
 * Returns the canonical JSON of a bundle's plan. The author's module loads in a process of its own
 * that is killed after the time limit. Throws `job-module-timeout`, `job-module-failed`,
 * `job-module-invalid`.
 */
export async function planBundle(bundle: JobBundle, options: PlanOptions): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-plan-"));
  try {
    const file = join(folder, `${bundle.sha256}.mjs`);
    await writeFile(file, bundle.bytes);
    const { params, environment, baseDirectory } = options;
    const bundleUrl = pathToFileURL(file).href;
    return await runPlanProcess(
      { bundleUrl, params, environment, baseDirectory },
      { entry: bundle.entry, timeoutMs: options.timeoutMs },
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface PlanRun {
  /** For messages. */
  readonly entry: string;
  readonly timeoutMs: number;
}

function runPlanProcess(request: PlanRequest, run: PlanRun): Promise<string> {
  const child = startPlanProcess();
  let output = "";
  child.stderr?.on(
    "data",
    (chunk: Buffer) => (output = `${output}${chunk.toString()}`.slice(-4_096)),
  );
  const name = relative(process.cwd(), run.entry) || run.entry;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(timedOut(name, run.timeoutMs));
      child.kill("SIGKILL");
    }, run.timeoutMs);
    child.once("message", (answer) => {
      clearTimeout(timer);
      child.kill("SIGKILL");
      if (!isPlanAnswer(answer)) reject(failed(`${name} sent a message of its own while loading`));
      else if (answer.kind === "failed") reject(fromFailureData(answer.failure));
      else resolve(answer.planJson);
    });
    child.once("error", (cause) => reject(failed(`${name} could not be loaded`, cause)));
    // After an answer this changes nothing any more.
    child.once("exit", (code, signal) => {
      clearTimeout(timer);
      const how = signal === null ? `exit code ${code}` : String(signal);
      reject(failed(`${name} ended its process while loading (${how})\n${output}`.trimEnd()));
    });
    child.send(request, (error) => {
      if (error !== null) reject(failed(`${name} could not be loaded`, error));
    });
  });
}

function startPlanProcess(): ChildProcess {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const path = fileURLToPath(new URL(`./plan-process.${extension}`, import.meta.url));
  // The environment of this process stays here: secrets in it are none of the module's business.
  return fork(path, {
    env: { NODE_COMPILE_CACHE: compileCacheFolder() },
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
}

function timedOut(name: string, timeoutMs: number): StreamError {
  return new StreamError(
    "job-module-timeout",
    `${name} did not load within ${timeoutMs / 1_000} s: look for an endless loop or a wait outside of the job's functions`,
    { domain: "user", retry: "never" },
  );
}

function failed(message: string, cause?: unknown): StreamError {
  return new StreamError("job-module-failed", message, { domain: "user", retry: "never", cause });
}
