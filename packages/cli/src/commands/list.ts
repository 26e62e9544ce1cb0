import type { JobSummary } from "@millrace/rpc";
import type { Command } from "commander";

import { formatMoment, formatTable } from "../output.ts";
import { addClientOptions, withClient, type ClientOptions } from "./shared-options.ts";

/** Adds `millrace list`. */
export function addListCommand(program: Command): void {
  addClientOptions(program.command("list"))
    .description("List the jobs of a cluster")
    .action((options: ClientOptions) =>
      withClient(options, async (client, output) => {
        const answer = await client.call("ListJobs", {});
        output.result(answer, () => formatJobs(answer.jobs));
      }),
    );
}

function formatJobs(jobs: readonly JobSummary[]): string {
  if (jobs.length === 0) return "no jobs";
  const rows = jobs.map((job) => [
    job.jobId,
    job.jobName,
    job.state,
    String(job.attempt),
    formatMoment(job.submittedAtMs),
    job.endedAtMs === undefined ? "" : formatMoment(job.endedAtMs),
  ]);
  return formatTable(["JOB", "NAME", "STATE", "ATTEMPT", "SUBMITTED (UTC)", "ENDED (UTC)"], rows);
}
