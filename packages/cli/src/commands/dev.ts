import type { Command } from "commander";

import { createOutput, type OutputFormat } from "../output.ts";
import { outputOption, parseCount, repeated } from "./shared-options.ts";

interface DevCommandOptions {
  readonly param: readonly string[];
  readonly env: readonly string[];
  readonly parallelism?: number;
  readonly workers: number;
  readonly data?: string;
  readonly slotWait?: number;
  readonly loadTimeout: number;
  readonly output: OutputFormat;
}

/** Adds `millrace dev`. */
export function addDevCommand(program: Command): void {
  program
    .command("dev")
    .description("Run a job on a cluster of its own on this machine")
    .argument("<module>", "the file whose default export is the job")
    .option("--workers <count>", "worker processes with one slot each", parseCount, 2)
    .option("--parallelism <count>", "subtasks of each vertex", parseCount)
    .option("--data <folder>", "keep the cluster's data here")
    .addOption(repeated("--param <name=value>", "a parameter of the job; may be repeated"))
    .addOption(repeated("--env <name>", "a variable that the module may read; may be repeated"))
    .option("--load-timeout <ms>", "how long the module may take to load", parseCount, 10_000)
    .option("--slot-wait <ms>", "how long the job waits for enough slots", parseCount)
    .addOption(outputOption())
    .action(async (module: string, options: DevCommandOptions) => {
      const { runDev } = await import("../dev/run-dev.ts");
      await runDev({
        module,
        params: options.param,
        environment: options.env,
        loadTimeoutMs: options.loadTimeout,
        workerCount: options.workers,
        output: createOutput(options.output),
        ...(options.parallelism === undefined ? {} : { parallelism: options.parallelism }),
        ...(options.slotWait === undefined ? {} : { slotWaitMs: options.slotWait }),
        ...(options.data === undefined ? {} : { dataFolder: options.data }),
      });
    });
}
