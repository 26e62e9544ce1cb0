import { Option, type Command } from "commander";

import { createOutput, type OutputFormat } from "../output.ts";
import { outputOption, parseCount, parsePort } from "./shared-options.ts";

/** Where the coordinator and the worker of a container serve their health. */
const defaultHealthPort = 8473;

interface HealthCommandOptions {
  readonly port: number;
  readonly live?: true;
  readonly timeout: number;
  readonly output: OutputFormat;
}

/** Adds `millrace health`: the probe that a container runs beside its process. */
export function addHealthCommand(program: Command): void {
  program
    .command("health")
    .description(
      "Ask the coordinator or worker of this machine whether it can work; exit code 0: yes",
    )
    .addOption(
      new Option("--port <port>", "its --health-port")
        .env("MILLRACE_HEALTH_PORT")
        .default(defaultHealthPort)
        .argParser(parsePort),
    )
    .option("--live", "ask only whether the process answers, not whether it can work")
    .option("--timeout <ms>", "how long to wait for the answer", parseCount, 3_000)
    .addOption(outputOption())
    .action(async ({ port, live, timeout, output }: HealthCommandOptions) => {
      const { checkHealth } = await import("../node/check-health.ts");
      const kind = live === true ? "live" : "ready";
      await checkHealth({ port, kind, timeoutMs: timeout });
      createOutput(output).result({ port, kind, status: "SERVING" }, () => "SERVING");
    });
}
