/** A line that a process wrote: by pino to standard error, or a result to standard output. */
export interface LogEntry {
  /** The process's name, which stays over its restarts. */
  readonly process: string;
  /** Wall time, by the process. */
  readonly atMs: number;
  /** pino's level: 30 info, 40 warn, 50 error. */
  readonly level: number;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Returns what a line says; what is no JSON object is an error line: nobody should write it. */
export function parseLogLine(process: string, line: string, nowMs: number): LogEntry {
  const fields = parseObject(line);
  if (fields === undefined) return { process, atMs: nowMs, level: 50, message: line, fields: {} };
  const { time, level, msg, event } = fields;
  return {
    process,
    atMs: typeof time === "number" ? time : nowMs,
    level: typeof level === "number" ? level : 30,
    message: [msg, event].find((text) => typeof text === "string") ?? "",
    fields,
  };
}

/** Returns a field that must be there, as text. */
export function textField({ fields, message }: LogEntry, name: string): string {
  const value = fields[name];
  if (typeof value === "string" || typeof value === "number") return String(value);
  throw new Error(`the log line ${JSON.stringify(message)} has no ${name}`);
}

function parseObject(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const json: unknown = JSON.parse(line);
    if (typeof json !== "object" || json === null || Array.isArray(json)) return undefined;
    return Object.fromEntries(Object.entries(json));
  } catch {
    return undefined;
  }
}
