import type { JobId } from "@millrace/core";
import type { Command } from "commander";

import { waitForEnd } from "../client/wait-for-end.ts";
import { formatFailure } from "../format-error.ts";
import { addClientOptions, jobArgument, withClient, type ClientOptions } from "./shared-options.ts";

interface StopOptions extends ClientOptions {
  readonly drain?: true;
}

/** Adds `millrace stop`. */
export function addStopCommand(program: Command): void {
  addClientOptions(program.command("stop"))
    .description("Take a savepoint and stop a job; windows stay open in the savepoint")
    .addArgument(jobArgument())
    .option("--drain", "close the windows first, as at the end of the input")
    .action((jobId: JobId, options: StopOptions) =>
      withClient(options, async (client, output) => {
        await client.call("StopJob", { jobId, isDrain: options.drain === true });
        const job = await waitForEnd(client, jobId);
        const savepoint =
          job.head === undefined ? "no savepoint" : `savepoint ${job.head.checkpointId}`;
        output.result(job, () => `${jobId} is ${job.state}, ${savepoint}`);
        if (job.state === "stopped" && job.head !== undefined) {
          output.note(`to go on from it: millrace run <job> --from ${jobId}`);
        }
        if (job.state !== "failed") return;
        if (job.failure !== undefined) output.note(formatFailure(job.failure));
        process.exitCode = 1;
      }),
    );
}
