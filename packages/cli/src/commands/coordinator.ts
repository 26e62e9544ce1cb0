import { Option, type Command } from "commander";

import { createOutput, type OutputFormat } from "../output.ts";
import { addSecurityOptions, type SecurityCommandOptions } from "../security/security-options.ts";
import {
  defaultAddress,
  outputOption,
  parseAddress,
  parseCount,
  parsePort,
} from "./shared-options.ts";

interface CoordinatorCommandOptions extends SecurityCommandOptions {
  readonly bind: string;
  readonly data: string;
  readonly metricsPort?: number;
  readonly slotWait?: number;
  readonly heartbeat?: number;
  readonly gcPeriod?: number;
  readonly supervised?: true;
  readonly output: OutputFormat;
}

/** Adds `millrace coordinator`. */
export function addCoordinatorCommand(program: Command): void {
  addSecurityOptions(program.command("coordinator"))
    .description("Run the process that places jobs on workers and commits their checkpoints")
    .option(
      "--bind <host:port>",
      "where workers and commands connect",
      parseAddress,
      defaultAddress,
    )
    .option(
      "--data <folder>",
      "jobs, checkpoints and bundles; the workers need the same",
      ".millrace",
    )
    .option("--metrics-port <port>", "serve /metrics and /healthz on this port", parsePort)
    .addOption(new Option("--supervised", "end with the standard input").hideHelp())
    .option("--slot-wait <ms>", "how long a new job waits for enough slots", parseCount)
    .addOption(
      new Option("--heartbeat <ms>", "how often workers report").argParser(parseCount).hideHelp(),
    )
    .addOption(
      new Option("--gc-period <ms>", "how often garbage is collected")
        .argParser(parseCount)
        .hideHelp(),
    )
    .addOption(outputOption())
    .action(async (options: CoordinatorCommandOptions) => {
      const { runCoordinator } = await import("../node/run-coordinator.ts");
      const output = createOutput(options.output);
      await runCoordinator({
        bind: options.bind,
        dataFolder: options.data,
        isSupervised: options.supervised === true,
        security: options,
        ...(options.metricsHost === undefined ? {} : { metricsHost: options.metricsHost }),
        onReady: (address) =>
          output.result(
            { event: "listening", address, processId: process.pid },
            () => `coordinator ${process.pid} listens at ${address}`,
          ),
        ...(options.slotWait === undefined ? {} : { slotWaitMs: options.slotWait }),
        ...(options.heartbeat === undefined ? {} : { heartbeatIntervalMs: options.heartbeat }),
        ...(options.gcPeriod === undefined ? {} : { gcPeriodMs: options.gcPeriod }),
        ...(options.metricsPort === undefined ? {} : { metricsPort: options.metricsPort }),
      });
    });
}
