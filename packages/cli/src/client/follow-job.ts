import { setTimeout as sleep } from "node:timers/promises";

import type { JobId } from "@millrace/core";
import type { JobDescription, LogLine } from "@millrace/rpc";

import { formatFailure } from "../format-error.ts";
import type { Output } from "../output.ts";
import { formatLogLine } from "./format-log-line.ts";
import { formatRecovery } from "./format-recovery.ts";
import type { JobClient } from "./job-client.ts";
import { createProgress } from "./job-progress.ts";
import { readLogs } from "./read-logs.ts";
import { describeIfReachable, isTerminal } from "./wait-for-end.ts";

const pollMs = 250;

export interface FollowOptions {
  readonly jobId: JobId;
  readonly output: Output;
  /** Ends the following, not the job. */
  readonly signal?: AbortSignal;
  /** Called once, when the job has read its first record. */
  readonly onFirstRecord?: () => void;
}

/**
 * Shows a job's progress, prints, state changes and recoveries until it has ended; returns it as it
 * ended, or undefined when the signal came first. Sets the process's exit code for a job that failed.
 */
export async function followJob(
  client: JobClient,
  options: FollowOptions,
): Promise<JobDescription | undefined> {
  const { output, signal } = options;
  const progress = createProgress(output);
  const ended = new AbortController();
  const printing = printLogs(client, options, ended.signal);
  let last: JobDescription | undefined;
  let hasFirst = false;
  while (signal?.aborted !== true) {
    const job = await describeIfReachable(client, options.jobId);
    if (job === undefined) {
      progress.note("the coordinator does not answer; waiting for it");
      await sleep(pollMs);
      continue;
    }
    for (const recovery of job.recoveries.slice(last?.recoveries.length ?? 0)) {
      progress.note(`recovered: ${formatRecovery(recovery)}`);
    }
    if (job.state !== last?.state) progress.note(describeState(job));
    progress.update(job);
    if (!hasFirst && progress.recordCount() > 0) {
      hasFirst = true;
      options.onFirstRecord?.();
    }
    last = job;
    if (isTerminal(job.state)) break;
    await sleep(pollMs);
  }
  progress.clear();
  ended.abort();
  await printing;
  if (last === undefined || !isTerminal(last.state)) return undefined;
  reportEnd(last, output);
  return last;
}

async function printLogs(
  client: JobClient,
  { jobId, output, signal }: FollowOptions,
  ended: AbortSignal,
): Promise<void> {
  const print = (line: LogLine): void => {
    if (line.level === "print") output.result({ print: line }, () => formatLogLine(line));
    else if (output.format === "text") output.note(formatLogLine(line));
    else output.result({ log: line }, () => "");
  };
  let afterSequence = 0;
  while (!ended.aborted && signal?.aborted !== true) {
    afterSequence = await readLogs(client, { jobId, afterSequence, waitMs: 300 }, print);
  }
  // What was printed between the last answer and the end.
  if (ended.aborted) await readLogs(client, { jobId, afterSequence, waitMs: 0 }, print);
}

function describeState(job: JobDescription): string {
  const detail = job.detail === "" ? "" : `: ${job.detail}`;
  return `job ${job.jobId} is ${job.state}${detail}`;
}

function reportEnd(job: JobDescription, output: Output): void {
  if (output.format === "json") output.result(job, () => "");
  if (job.state === "failed") {
    if (job.failure !== undefined && output.format === "text") {
      output.note(formatFailure(job.failure));
    }
    process.exitCode = 1;
  }
  if (job.state === "cancelled") process.exitCode = 130;
}
