import type { JobId } from "@millrace/core";
import type { CheckpointSummary } from "@millrace/rpc";
import type { Command } from "commander";

import { formatBytes, formatDuration, formatMoment, formatTable } from "../output.ts";
import { addClientOptions, jobArgument, withClient, type ClientOptions } from "./shared-options.ts";

/** Adds `millrace checkpoints`. */
export function addCheckpointsCommand(program: Command): void {
  addClientOptions(program.command("checkpoints"))
    .description("List a job's checkpoints and savepoints, the latest first")
    .addArgument(jobArgument())
    .action((jobId: JobId, options: ClientOptions) =>
      withClient(options, async (client, output) => {
        const answer = await client.call("ListCheckpoints", { jobId });
        output.result(answer, () => formatCheckpoints(answer.checkpoints));
      }),
    );
}

function formatCheckpoints(checkpoints: readonly CheckpointSummary[]): string {
  if (checkpoints.length === 0) return "no checkpoints";
  const rows = checkpoints.map((checkpoint) => [
    `${checkpoint.checkpointId}${checkpoint.isHead ? " (head)" : ""}`,
    checkpoint.kind,
    formatMoment(checkpoint.completedAtMs),
    formatDuration(checkpoint.durationMs),
    formatBytes(checkpoint.newBytes),
    formatBytes(checkpoint.totalBytes),
    checkpoint.parentId === undefined ? "" : String(checkpoint.parentId),
  ]);
  return formatTable(["ID", "KIND", "COMPLETED (UTC)", "TOOK", "NEW", "IN ALL", "PARENT"], rows);
}
