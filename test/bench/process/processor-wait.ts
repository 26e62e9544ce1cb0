import { existsSync, openSync, readSync } from "node:fs";

const schedstatPath = "/proc/thread-self/schedstat";
const schedstat = existsSync(schedstatPath) ? openSync(schedstatPath, "r") : undefined;
const schedstatBytes = Buffer.alloc(256);

/** Returns how long this thread was ready to run and did not; 0 where the system does not tell. */
export function waitedForProcessorMs(): number {
  if (schedstat === undefined) return 0;
  const length = readSync(schedstat, schedstatBytes, 0, schedstatBytes.length, 0);
  // Nanoseconds on a processor, and waiting for one.
  return Number(schedstatBytes.toString("latin1", 0, length).split(" ")[1]) / 1e6;
}
