import { setTimeout as sleep } from "node:timers/promises";

import { StreamError } from "@millrace/core";
import type { JobCalls, LogLine } from "@millrace/rpc";

import type { JobClient } from "./job-client.ts";

/** Passes on the lines behind a position and returns the next; waits out an absent coordinator. */
export async function readLogs(
  client: JobClient,
  request: JobCalls["ReadLogs"]["request"],
  onLine: (line: LogLine) => void,
): Promise<number> {
  try {
    const answer = await client.call("ReadLogs", request, request.waitMs + 5_000);
    for (const line of answer.lines) onLine(line);
    return answer.lastSequence;
  } catch (error) {
    if (!StreamError.is(error, "coordinator-unreachable", "deadline-exceeded")) throw error;
    await sleep(200);
    return request.afterSequence;
  }
}
