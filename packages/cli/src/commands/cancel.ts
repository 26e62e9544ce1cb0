import type { JobId } from "@millrace/core";
import type { Command } from "commander";

import { addClientOptions, jobArgument, withClient, type ClientOptions } from "./shared-options.ts";

/** Adds `millrace cancel`. */
export function addCancelCommand(program: Command): void {
  addClientOptions(program.command("cancel"))
    .description("End a job at once, without a savepoint")
    .addArgument(jobArgument())
    .action((jobId: JobId, options: ClientOptions) =>
      withClient(options, async (client, output) => {
        await client.call("CancelJob", { jobId });
        output.result({ jobId, requested: "cancel" }, () => `${jobId} is being cancelled`);
      }),
    );
}
