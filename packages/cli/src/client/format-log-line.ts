import type { LogLine } from "@millrace/rpc";

/** Returns a log line as people read it; what an author printed comes without any addition. */
export function formatLogLine({ atMs, level, source, text }: LogLine): string {
  const time = new Date(atMs).toISOString().slice(11, 23);
  const from = source === "" ? "" : `${source}: `;
  return level === "print" ? text : `${time} ${level.padEnd(5)} ${from}${text}`;
}
