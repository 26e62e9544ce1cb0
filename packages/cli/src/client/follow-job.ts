import { setTimeout as sleep } from "node:timers/promises";

import type { JobId } from "@millrace/core";
import type { JobDescription, LogLine } from "@millrace/rpc";

import { formatFailure } from "../format-error.ts";
import type { Output } from "../output.ts";
import { formatLogLine } from "./format-log-line.ts";
import type { JobClient } from "./job-client.ts";
import { createProgress, type Progress } from "./job-progress.ts";
import { logBeginning, readLogs } from "./read-logs.ts";
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
  const first = onceOnly(options.onFirstRecord);
  const printing = printLogs(client, { ...options, progress, first }, ended.signal);
  let last: JobDescription | undefined;
  let isAway = false;
  while (signal?.aborted !== true) {
    const job = await describeIfReachable(client, options.jobId);
    if (job === undefined) {
      progress.note("the coordinator does not answer; waiting for it");
      isAway = true;
      await sleep(pollMs);
      continue;
    }
    if (isAway) progress.note("the coordinator answers again");
    isAway = false;
    progress.update(job);
    if (progress.recordCount() > 0) first.tell();
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

interface PrintOptions extends FollowOptions {
  readonly progress: Progress;
  readonly first: FirstRecord;
}

async function printLogs(
  client: JobClient,
  { jobId, output, signal, progress, first }: PrintOptions,
  ended: AbortSignal,
): Promise<void> {
  const print = (line: LogLine): void => {
    if (line.level === "print") first.tell();
    if (output.format === "json") output.result({ log: line }, () => "");
    else if (line.level === "print") output.result(line, () => formatLogLine(line));
    else progress.note(formatLogLine(line));
  };
  let after = logBeginning;
  while (!ended.aborted && signal?.aborted !== true) {
    after = await readLogs(client, { jobId, after, waitMs: 300 }, print);
  }
  // What was printed between the last answer and the end.
  if (ended.aborted) await readLogs(client, { jobId, after, waitMs: 0 }, print);
}

interface FirstRecord {
  tell(): void;
}

function onceOnly(call: (() => void) | undefined): FirstRecord {
  let isDone = false;
  return {
    tell: () => {
      if (!isDone) call?.();
      isDone = true;
    },
  };
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
