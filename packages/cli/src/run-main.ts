import { enableCompileCache } from "node:module";

import { compileCacheFolder } from "./compile-cache.ts";

/** Runs the command line of this process and sets its exit code. */
export async function runMain(): Promise<void> {
  enableCompileCache(compileCacheFolder());
  // Imported late, so that the cache serves it.
  const { createProgram } = await import("./program.ts");
  const { runCommand } = await import("./run-command.ts");
  process.exitCode = await runCommand(() => createProgram().parseAsync());
}
