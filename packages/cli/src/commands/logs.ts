import type { JobId } from "@millrace/core";
import type { LogLine } from "@millrace/rpc";
import type { Command } from "commander";

import { formatLogLine } from "../client/format-log-line.ts";
import { logBeginning, readLogs } from "../client/read-logs.ts";
import { describeIfReachable, isTerminal } from "../client/wait-for-end.ts";
import { addClientOptions, jobArgument, withClient, type ClientOptions } from "./shared-options.ts";

interface LogsOptions extends ClientOptions {
  readonly follow?: true;
}

/** Adds `millrace logs`. */
export function addLogsCommand(program: Command): void {
  addClientOptions(program.command("logs"))
    .description("Print a job's log: what it printed, its failures and recoveries")
    .addArgument(jobArgument())
    .option("-f, --follow", "go on printing until the job ends")
    .action((jobId: JobId, options: LogsOptions) =>
      withClient(options, async (client, output) => {
        const print = (line: LogLine): void => output.result(line, () => formatLogLine(line));
        let after = logBeginning;
        for (;;) {
          // Asked before the lines are read, so that the last of them are not missed.
          const job = await describeIfReachable(client, jobId);
          after = await readLogs(client, { jobId, after, waitMs: 0 }, print);
          const hasEnded = job !== undefined && isTerminal(job.state);
          if (options.follow !== true || hasEnded) return;
          after = await readLogs(client, { jobId, after, waitMs: 1_000 }, print);
        }
      }),
    );
}
