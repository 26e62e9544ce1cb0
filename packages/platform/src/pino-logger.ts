import type { LogFields, Logger, LogLevel } from "@millrace/core";
import { pino, type Logger as Pino } from "pino";

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Where lines of JSON go: a file descriptor, 2 by default. */
  readonly fileDescriptor?: number;
  readonly fields?: LogFields;
}

// Held from the start: while a job's module loads, Date.now throws (it would make plans differ).
const readWallMs = Date.now;

/** Returns a logger that writes JSON lines; writes are synchronous, so a crash loses none. */
export function createPinoLogger({
  level,
  fileDescriptor = 2,
  fields = {},
}: LoggerOptions): Logger {
  const destination = pino.destination({ dest: fileDescriptor, sync: true });
  const timestamp = (): string => `,"time":${readWallMs()}`;
  return wrap(pino({ level, base: toJsonFields(fields), timestamp }, destination));
}

function wrap(logger: Pino): Logger {
  return {
    log: (level, message, fields) => logger[level](toJsonFields(fields ?? {}), message),
    with: (fields) => wrap(logger.child(toJsonFields(fields))),
  };
}

/** JSON has no bigint: ids of 64 bits are written as text. */
function toJsonFields(fields: LogFields): Record<string, string | number | boolean | undefined> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === "bigint" ? value.toString() : value,
    ]),
  );
}
