import type { CheckpointId, JobId } from "@millrace/core";
import type { VerifiedCheckpoint } from "@millrace/rpc";
import type { Command } from "commander";

import { createOutput, formatBytes, formatTable } from "../output.ts";
import { parseId } from "./checkpoint-name.ts";
import { defined } from "./defined.ts";
import {
  addClientOptions,
  jobArgument,
  parseCount,
  withClient,
  type ClientOptions,
} from "./shared-options.ts";
import {
  addMetadataOptions,
  addStoreOptions,
  type MetadataCommandOptions,
  type StoreCommandOptions,
} from "./store-options.ts";

interface VerifyOptions extends ClientOptions, StoreCommandOptions, MetadataCommandOptions {
  readonly checkpoint?: CheckpointId;
  readonly timeout: number;
}

/** Adds `millrace verify`. */
export function addVerifyCommand(program: Command): void {
  const command = program
    .command("verify")
    .description(
      "Read a job's checkpoints back, every byte of them: through the leader, or from the stores with --metadata, --objects or --data",
    )
    .addArgument(jobArgument())
    .option("--checkpoint <id>", "only this one; default: all that are retained", parseId)
    .option("--timeout <ms>", "how long the leader may take", parseCount, 600_000);
  addStoreOptions(command, "the data folder of an embedded cluster");
  addMetadataOptions(command);
  addClientOptions(command).action(verify);
}

async function verify(jobId: JobId, options: VerifyOptions, command: Command): Promise<void> {
  const { metadata, objects, checkpoint, timeout } = options;
  const isDataGiven = command.getOptionValueSource("data") !== "default";
  const isDirect = metadata !== undefined || objects !== undefined || isDataGiven;
  const request = { jobId, ...defined({ checkpointId: checkpoint }) };
  if (isDirect) {
    const { verifyDirectly } = await import("../client/verify-directly.ts");
    const { etcdCa, etcdCert, etcdKey, data } = options;
    const place = {
      dataFolder: data,
      environment: process.env,
      ...defined({ metadata, etcdCa, etcdCert, etcdKey }),
    };
    report(await verifyDirectly(request, place, objects ?? data), options);
    return;
  }
  await withClient(options, async (client) => {
    const answer = await client.call("VerifyCheckpoints", request, timeout);
    report(answer.checkpoints, options);
  });
}

function report(checkpoints: readonly VerifiedCheckpoint[], { output }: VerifyOptions): void {
  createOutput(output).result({ checkpoints }, () => formatVerified(checkpoints));
  if (checkpoints.some(({ problems }) => problems.length > 0)) process.exitCode = 1;
}

function formatVerified(checkpoints: readonly VerifiedCheckpoint[]): string {
  if (checkpoints.length === 0) return "no checkpoints";
  const rows = checkpoints.map((checkpoint) => [
    String(checkpoint.checkpointId),
    checkpoint.kind,
    String(checkpoint.objectCount),
    String(checkpoint.blockCount),
    formatBytes(checkpoint.readBytes),
    String(checkpoint.entryCount),
    checkpoint.problems.length === 0 ? "whole" : `BROKEN: ${checkpoint.problems.length} problems`,
  ]);
  const headings = ["ID", "KIND", "OBJECTS", "BLOCKS", "READ", "ENTRIES", "STATE"];
  const problems = checkpoints.flatMap(({ checkpointId, problems: found }) =>
    found.map(
      ({ code, objectName, message }) =>
        `error[${code}]: checkpoint ${checkpointId}, object ${objectName}: ${message}`,
    ),
  );
  const table = formatTable(headings, rows);
  return problems.length === 0 ? table : `${table}\n\n${problems.join("\n")}`;
}
