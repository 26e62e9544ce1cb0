import type { JobId } from "@millrace/core";
import type { LogLine } from "@millrace/rpc";
import type { Command } from "commander";

import { formatLogLine } from "../client/format-log-line.ts";
import { readLogs } from "../client/read-logs.ts";
import { describeIfReachable, isTerminal } from "../client/wait-for-end.ts";
import {
  coordinatorOption,
  jobArgument,
  outputOption,
  withClient,
  type ClientOptions,
} from "./shared-options.ts";

interface LogsOptions extends ClientOptions {
  readonly follow?: true;
}

/** Adds `millrace logs`. */
export function addLogsCommand(program: Command): void {
  program
    .command("logs")
    .description("Print a job's log: what it printed, its failures and recoveries")
    .addArgument(jobArgument())
    .option("-f, --follow", "go on printing until the job ends")
    .addOption(coordinatorOption())
    .addOption(outputOption())
    .action((jobId: JobId, options: LogsOptions) =>
      withClient(options, async (client, output) => {
        const print = (line: LogLine): void => output.result(line, () => formatLogLine(line));
        let position = 0;
        for (;;) {
          // Asked before the lines are read, so that the last of them are not missed.
          const job = await describeIfReachable(client, jobId);
          position = await readLogs(client, { jobId, afterSequence: position, waitMs: 0 }, print);
          const hasEnded = job !== undefined && isTerminal(job.state);
          if (options.follow !== true || hasEnded) return;
          const next = { jobId, afterSequence: position, waitMs: 1_000 };
          position = await readLogs(client, next, print);
        }
      }),
    );
}
