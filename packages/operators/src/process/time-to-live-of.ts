import { assertNever } from "@millrace/core";
import type { TimeToLiveSpec } from "@millrace/graph";
import type { TimeToLive } from "@millrace/state";

/** The times of an operator, as it goes on. */
export interface OperatorTimes {
  /** Event time of the record or timer that runs; -Infinity if it has none. */
  readonly timestampMs: () => number;
  readonly watermarkMs: () => number;
  readonly processingTimeMs: () => number;
}

/**
 * Returns when entries of a state expire. By event time an entry is written and read at the event time
 * of the record or timer that runs, or at the watermark for one that is later than that.
 */
export function timeToLiveOf(spec: TimeToLiveSpec, times: OperatorTimes): TimeToLive {
  const { afterMs, by, refresh } = spec;
  const { timestampMs, watermarkMs, processingTimeMs } = times;
  const refreshesOnRead = refresh === "read-and-write";
  switch (by) {
    case "event-time":
      return {
        afterMs,
        refreshesOnRead,
        nowMs: () => Math.max(timestampMs(), watermarkMs()),
        passedMs: watermarkMs,
      };
    case "processing-time":
      return { afterMs, refreshesOnRead, nowMs: processingTimeMs, passedMs: processingTimeMs };
    default:
      return assertNever(by);
  }
}
