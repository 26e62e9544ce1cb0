import type { Clock, Logger, StreamError } from "@millrace/core";

/** How often an outage that goes on is told again. */
const repeatMs = 10_000;

/**
 * Returns what to call for each call that the metadata store did not take: it warns at once and then
 * every 10 s, with the count. Commits wait meanwhile, and the jobs run on (F15, F19): without these
 * lines nobody would know why no checkpoint completes.
 */
export function createOutageLog(ports: {
  readonly clock: Clock;
  readonly logger: Logger;
}): OutageLog {
  const { clock, logger } = ports;
  let failureCount = 0;
  let toldAtMs = -Infinity;
  return {
    onFailure({ code, message }) {
      failureCount += 1;
      const nowMs = clock.monotonicMs();
      if (nowMs - toldAtMs < repeatMs) return;
      toldAtMs = nowMs;
      logger.log("warn", "waits for the metadata store", { code, cause: message, failureCount });
    },
    failureCount: () => failureCount,
  };
}

export interface OutageLog {
  onFailure(error: StreamError): void;
  /** Since the start. */
  failureCount(): number;
}
