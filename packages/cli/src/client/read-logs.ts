import { setTimeout as sleep } from "node:timers/promises";

import { StreamError, type JobId } from "@millrace/core";
import type { LogLine } from "@millrace/rpc";

import type { JobClient } from "./job-client.ts";

/** The last line that was read, as the leader counts that it came from. */
export interface LogPosition {
  readonly leaderEpoch: bigint;
  readonly sequence: number;
}

export const logBeginning: LogPosition = { leaderEpoch: 0n, sequence: 0 };

/** Passes on the lines behind a position and returns the next; waits out an absent coordinator. */
export async function readLogs(
  client: JobClient,
  request: { readonly jobId: JobId; readonly after: LogPosition; readonly waitMs: number },
  onLine: (line: LogLine) => void,
): Promise<LogPosition> {
  const { jobId, after, waitMs } = request;
  const { leaderEpoch, sequence: afterSequence } = after;
  try {
    const asked = { jobId, afterSequence, leaderEpoch, waitMs };
    const answer = await client.call("ReadLogs", asked, waitMs + 5_000);
    for (const line of answer.lines) onLine(line);
    return { leaderEpoch: answer.leaderEpoch, sequence: answer.lastSequence };
  } catch (error) {
    if (!StreamError.is(error, "coordinator-unreachable", "deadline-exceeded")) throw error;
    await sleep(200);
    return after;
  }
}
