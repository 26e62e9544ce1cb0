import { Option, type Command } from "commander";

import { createOutput, type OutputFormat } from "../output.ts";
import { defined } from "./defined.ts";
import { addServerOptions, type ServerCommandOptions } from "./server-options.ts";
import { defaultAddress, outputOption, parseAddress, parseCount } from "./shared-options.ts";
import {
  addMetadataOptions,
  addStoreOptions,
  type MetadataCommandOptions,
  type StoreCommandOptions,
} from "./store-options.ts";

interface CoordinatorCommandOptions
  extends ServerCommandOptions, StoreCommandOptions, MetadataCommandOptions {
  readonly bind: string;
  readonly advertise?: string;
  readonly lease: number;
  readonly slotWait?: number;
  readonly heartbeat?: number;
  readonly gcPeriod?: number;
  readonly output: OutputFormat;
}

/** Adds `millrace coordinator`. */
export function addCoordinatorCommand(program: Command): void {
  const command = program
    .command("coordinator")
    .description("Run a process that places jobs on workers and commits their checkpoints")
    .option(
      "--bind <host:port>",
      "where workers and commands connect",
      parseAddress,
      defaultAddress,
    )
    .option(
      "--advertise <host:port>",
      "how others reach this coordinator; default: --bind",
      parseAddress,
    );
  addStoreOptions(command, "what has no place of its own; without one the workers need the same");
  addMetadataOptions(command).option(
    "--lease <ms>",
    "with etcd: how long a leader that is silent stays leader",
    parseCount,
    5_000,
  );
  addServerOptions(command)
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
    .action(runCommand);
}

async function runCommand(options: CoordinatorCommandOptions): Promise<void> {
  const { runCoordinator } = await import("../node/run-coordinator.ts");
  const output = createOutput(options.output);
  const { metadata, etcdCa, etcdCert, etcdKey, objects, advertise } = options;
  await runCoordinator({
    bind: options.bind,
    metadata: {
      dataFolder: options.data,
      environment: process.env,
      ...defined({ metadata, etcdCa, etcdCert, etcdKey }),
    },
    objects: objects ?? options.data,
    leaseMs: options.lease,
    isSupervised: options.supervised === true,
    security: options,
    onReady: ({ address, role }) =>
      output.result(
        { event: "listening", address, role, processId: process.pid },
        () => `coordinator ${process.pid} listens at ${address} and ${roleTexts[role]}`,
      ),
    ...defined({
      advertise,
      metricsHost: options.metricsHost,
      metricsPort: options.metricsPort,
      healthPort: options.healthPort,
      slotWaitMs: options.slotWait,
      heartbeatIntervalMs: options.heartbeat,
      gcPeriodMs: options.gcPeriod,
    }),
  });
}

const roleTexts = { leading: "leads", standby: "stands by" } as const;
