import type { JobId } from "@millrace/core";
import type { JobDescription } from "@millrace/rpc";
import type { Command } from "commander";

import { formatRecovery } from "../client/format-recovery.ts";
import { formatFailure } from "../format-error.ts";
import { formatBytes, formatMoment, formatTable } from "../output.ts";
import { addClientOptions, jobArgument, withClient, type ClientOptions } from "./shared-options.ts";

/** Adds `millrace describe`. */
export function addDescribeCommand(program: Command): void {
  addClientOptions(program.command("describe"))
    .description("Show where a job runs, how far it is and what it recovered from")
    .addArgument(jobArgument())
    .action((jobId: JobId, options: ClientOptions) =>
      withClient(options, async (client, output) => {
        const job = await client.call("DescribeJob", { jobId });
        output.result(job, () => formatJob(job));
      }),
    );
}

function formatJob(job: JobDescription): string {
  const state = job.detail === "" ? job.state : `${job.state} (${job.detail})`;
  const facts = [
    ["job", job.jobId],
    ["name", job.jobName],
    ["state", state],
    ["attempt", String(job.attempt)],
    ["parallelism", String(job.parallelism)],
    ["submitted", `${formatMoment(job.submittedAtMs)} UTC`],
    ["checkpoints", `${job.checkpointsCompleted} completed, ${job.checkpointsFailed} failed`],
    ["head", formatHead(job)],
  ] as const;
  const parts = [facts.map(([name, value]) => `${name.padEnd(12)}${value}`).join("\n")];
  if (job.subtasks.length > 0) parts.push(formatSubtasks(job));
  if (job.recoveries.length > 0) parts.push(job.recoveries.map(formatRecovery).join("\n"));
  if (job.failure !== undefined) parts.push(formatFailure(job.failure));
  return parts.join("\n\n");
}

function formatHead({ head }: JobDescription): string {
  if (head === undefined) return "none yet";
  const at = formatMoment(head.completedAtMs);
  return `${head.kind} ${head.checkpointId}, ${formatBytes(head.totalBytes)}, ${at} UTC`;
}

function formatSubtasks({ subtasks }: JobDescription): string {
  const rows = subtasks.map(({ subtaskId, workerId, slotIndex, metrics }) => [
    subtaskId,
    `${workerId}:${slotIndex}`,
    String(metrics?.recordsIn ?? ""),
    String(metrics?.recordsOut ?? ""),
    metrics === undefined ? "" : formatMoment(metrics.watermarkMs),
    String(metrics?.stateCells ?? ""),
  ]);
  return formatTable(["SUBTASK", "SLOT", "IN", "OUT", "WATERMARK (UTC)", "CELLS"], rows);
}
