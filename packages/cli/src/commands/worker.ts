import { hostname } from "node:os";

import { parseWorkerId, StreamError, type WorkerId } from "@millrace/core";
import { InvalidArgumentError, Option, type Command } from "commander";

import { minNetworkMemoryMb, minSlotMemoryMb } from "../node/slot-memory.ts";
import { createOutput, type OutputFormat } from "../output.ts";
import { defined } from "./defined.ts";
import { addServerOptions, type ServerCommandOptions } from "./server-options.ts";
import { coordinatorsOption, outputOption, parseCount } from "./shared-options.ts";
import { addStoreOptions, type StoreCommandOptions } from "./store-options.ts";

interface WorkerCommandOptions extends ServerCommandOptions, StoreCommandOptions {
  readonly coordinator: readonly string[];
  readonly dataHost?: string;
  readonly drainTimeout: number;
  readonly passEnv?: readonly string[];
  readonly slots: number;
  readonly slotMemory?: number;
  readonly networkMemory?: number;
  readonly id?: WorkerId;
  readonly orphanTimeout?: number;
  readonly hungTaskTimeout?: number;
  readonly output: OutputFormat;
}

/** Adds `millrace worker`. */
export function addWorkerCommand(program: Command): void {
  const command = program
    .command("worker")
    .description("Run a process that executes the subtasks of one job at a time")
    .addOption(coordinatorsOption());
  addStoreOptions(command, "what has no place of its own, and bundles that were fetched")
    .option("--slots <count>", "subtasks of each vertex that run here", parseCount, 1)
    .option(
      "--slot-memory <MiB>",
      "what each slot may hold, state and buffers, before its job fails; default: the slot's part of the container's memory",
      parseSlotMemory,
    )
    .option(
      "--network-memory <MiB>",
      "what the inputs of each slot may hold of that, of records on their way; default: an eighth, from 8 to 128",
      parseNetworkMemory,
    )
    .option("--id <name>", "stays the same over restarts; default from host and process", parseId)
    .option(
      "--data-host <host>",
      "listen for records of other workers by TCP at this host; default: unix sockets, for workers of one machine",
    )
    .option(
      "--pass-env <names>",
      "variables of this process that jobs may read, with commas between; others stay hidden",
      parseNames,
    )
    .option(
      "--drain-timeout <ms>",
      "how long SIGTERM waits until other workers have taken over",
      parseCount,
      25_000,
    );
  addServerOptions(command)
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
    .action(runCommand);
}

async function runCommand(options: WorkerCommandOptions): Promise<void> {
  const { runWorker } = await import("../node/run-worker.ts");
  const workerId = options.id ?? parseWorkerId(defaultWorkerName());
  const output = createOutput(options.output);
  await runWorker({
    workerId,
    coordinators: options.coordinator,
    dataFolder: options.data,
    objects: options.objects ?? options.data,
    slotCount: options.slots,
    drainTimeoutMs: options.drainTimeout,
    isSupervised: options.supervised === true,
    security: options,
    onReady: () =>
      output.result(
        { event: "started", workerId, processId: process.pid },
        () => `worker ${workerId} (${process.pid}) looks for ${options.coordinator.join(", ")}`,
      ),
    ...defined({
      dataHost: options.dataHost,
      metricsHost: options.metricsHost,
      metricsPort: options.metricsPort,
      healthPort: options.healthPort,
      passedVariables: options.passEnv,
      orphanTimeoutMs: options.orphanTimeout,
      hungTaskTimeoutMs: options.hungTaskTimeout,
      slotMemoryMb: options.slotMemory,
      networkMemoryMb: options.networkMemory,
    }),
  });
}

function defaultWorkerName(): string {
  const host = hostname()
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]/g, "-")
    .replace(/^-+/, "");
  return `${host.slice(0, 40) || "worker"}-${process.pid}`;
}

function parseNames(text: string): readonly string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.every((name) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name))) return names;
  throw new InvalidArgumentError("write them as NAME,OTHER_NAME.");
}

function parseSlotMemory(text: string): number {
  const memoryMb = parseCount(text);
  if (memoryMb >= minSlotMemoryMb) return memoryMb;
  throw new InvalidArgumentError(`a slot needs ${minSlotMemoryMb} MiB at least.`);
}

function parseNetworkMemory(text: string): number {
  const memoryMb = parseCount(text);
  if (memoryMb >= minNetworkMemoryMb) return memoryMb;
  throw new InvalidArgumentError(`a slot's inputs need ${minNetworkMemoryMb} MiB at least.`);
}

function parseId(text: string): WorkerId {
  try {
    return parseWorkerId(text);
  } catch (error) {
    throw new InvalidArgumentError(StreamError.from(error).message);
  }
}
