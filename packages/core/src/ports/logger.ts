export type LogLevel = "debug" | "info" | "warn" | "error";

/** Ids and figures of a log line; names are camelCase and carry their unit. */
export type LogFields = Readonly<Record<string, string | number | boolean | bigint | undefined>>;

/** Structured logs: one line per state change, none per record. */
export interface Logger {
  log(level: LogLevel, message: string, fields?: LogFields): void;
  /** Returns a logger that adds the fields to each of its lines. */
  with(fields: LogFields): Logger;
}

export const silentLogger: Logger = { log: () => {}, with: () => silentLogger };
