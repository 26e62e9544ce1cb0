import type { JsonValue } from "@millrace/core";
import type { Command } from "commander";

import { followJob } from "../client/follow-job.ts";
import { describePlan } from "../job/describe-plan.ts";
import { createOutput } from "../output.ts";
import { parseCheckpointName, type CheckpointName } from "./checkpoint-name.ts";
import {
  addClientOptions,
  parseCount,
  repeated,
  withClient,
  type ClientOptions,
} from "./shared-options.ts";

interface RunOptions extends ClientOptions {
  readonly param: readonly string[];
  readonly env: readonly string[];
  readonly parallelism?: number;
  readonly from?: CheckpointName;
  readonly allowDroppedState?: true;
  readonly detach?: true;
  readonly dryRun?: true;
  readonly loadTimeout: number;
}

/** Adds `millrace run`. */
export function addRunCommand(program: Command): void {
  addClientOptions(program.command("run"))
    .description("Bundle a job module, plan it and run it on a cluster")
    .argument("<module>", "the file whose default export is the job")
    .option("--detach", "return when the job is submitted")
    .option("--parallelism <count>", "subtasks of each vertex", parseCount)
    .option(
      "--from <job[/id]>",
      "go on from a checkpoint of a job that has ended, its latest by default",
      parseCheckpointName,
    )
    .option("--allow-dropped-state", "with --from: leave state behind that no operator here has")
    .option("--dry-run", "print the plan and submit nothing")
    .addOption(repeated("--param <name=value>", "a parameter of the job; may be repeated"))
    .addOption(repeated("--env <name>", "a variable that the module may read; may be repeated"))
    .option("--load-timeout <ms>", "how long the module may take to load", parseCount, 10_000)
    .action(runJob);
}

async function runJob(path: string, options: RunOptions): Promise<void> {
  const { from, allowDroppedState = false } = options;
  const { prepareSubmission } = await import("../job/prepare-submission.ts");
  const request = await prepareSubmission(path, {
    params: options.param,
    environment: options.env,
    loadTimeoutMs: options.loadTimeout,
    ...(options.parallelism === undefined ? {} : { parallelism: options.parallelism }),
    ...(from === undefined ? {} : { restoreFrom: { ...from, allowDroppedState } }),
  });
  if (options.dryRun === true) {
    const plan: unknown = JSON.parse(request.planJson);
    createOutput(options.output).result(plan, () => describePlan(request.planJson));
    return;
  }
  await withClient(options, async (client, output) => {
    const { jobId } = await client.call("SubmitJob", request, 60_000);
    const answer: JsonValue = { jobId };
    output.result(answer, () => `job ${jobId} is submitted`);
    if (options.detach === true) return;
    const signal = abortOnInterrupt(() => {
      output.note(`interrupted: the job goes on; end it with millrace cancel ${jobId}`);
      process.exitCode = 130;
    });
    await followJob(client, { jobId, output, signal });
  });
}

// A second signal finds no handler and ends the process at once.
function abortOnInterrupt(onInterrupt: () => void): AbortSignal {
  const controller = new AbortController();
  const stop = (): void => {
    process.off("SIGINT", stop).off("SIGTERM", stop);
    onInterrupt();
    controller.abort();
  };
  process.on("SIGINT", stop).on("SIGTERM", stop);
  return controller.signal;
}
