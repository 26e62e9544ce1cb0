import { hostname } from "node:os";

import { parseWorkerId, StreamError, type WorkerId } from "@millrace/core";
import { InvalidArgumentError, Option, type Command } from "commander";

import { createOutput, type OutputFormat } from "../output.ts";
import { addSecurityOptions, type SecurityCommandOptions } from "../security/security-options.ts";
import {
  defaultAddress,
  outputOption,
  parseAddress,
  parseCount,
  parsePort,
} from "./shared-options.ts";

interface WorkerCommandOptions extends SecurityCommandOptions {
  readonly coordinator: string;
  readonly data: string;
  readonly slots: number;
  readonly id?: WorkerId;
  readonly metricsPort?: number;
  readonly orphanTimeout?: number;
  readonly hungTaskTimeout?: number;
  readonly supervised?: true;
  readonly output: OutputFormat;
}

/** Adds `millrace worker`. */
export function addWorkerCommand(program: Command): void {
  addSecurityOptions(program.command("worker"))
    .description("Run a process that executes the subtasks of one job at a time")
    .option("--coordinator <host:port>", "the coordinator's address", parseAddress, defaultAddress)
    .option("--data <folder>", "the coordinator's data folder", ".millrace")
    .option("--slots <count>", "subtasks of each vertex that run here", parseCount, 1)
    .option("--id <name>", "stays the same over restarts; default from host and process", parseId)
    .option("--metrics-port <port>", "serve /metrics and /healthz on this port", parsePort)
    .addOption(new Option("--supervised", "end with the standard input").hideHelp())
    .addOption(
      new Option("--orphan-timeout <ms>", "end after so long without a leader")
        .argParser(parseCount)
        .hideHelp(),
    )
    .addOption(
      new Option("--hung-task-timeout <ms>", "end a slot that makes no progress for so long")
        .argParser(parseCount)
        .hideHelp(),
    )
    .addOption(outputOption())
    .action(async (options: WorkerCommandOptions) => {
      const { runWorker } = await import("../node/run-worker.ts");
      const workerId = options.id ?? parseWorkerId(defaultWorkerName());
      const output = createOutput(options.output);
      const { metricsPort, orphanTimeout, hungTaskTimeout } = options;
      await runWorker({
        workerId,
        coordinator: options.coordinator,
        dataFolder: options.data,
        slotCount: options.slots,
        isSupervised: options.supervised === true,
        security: options,
        ...(options.metricsHost === undefined ? {} : { metricsHost: options.metricsHost }),
        onReady: () =>
          output.result(
            { event: "started", workerId, processId: process.pid },
            () => `worker ${workerId} (${process.pid}) looks for ${options.coordinator}`,
          ),
        ...(metricsPort === undefined ? {} : { metricsPort }),
        ...(orphanTimeout === undefined ? {} : { orphanTimeoutMs: orphanTimeout }),
        ...(hungTaskTimeout === undefined ? {} : { hungTaskTimeoutMs: hungTaskTimeout }),
      });
    });
}

function defaultWorkerName(): string {
  const host = hostname()
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]/g, "-")
    .replace(/^-+/, "");
  return `${host.slice(0, 40) || "worker"}-${process.pid}`;
}

function parseId(text: string): WorkerId {
  try {
    return parseWorkerId(text);
  } catch (error) {
    throw new InvalidArgumentError(StreamError.from(error).message);
  }
}
