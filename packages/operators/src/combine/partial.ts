import { decodeFailed } from "@millrace/core";

/** What travels in place of several records of one key; `combiningVersion` names the format. */
export interface PartialRecord {
  readonly key: unknown;
  readonly value: unknown;
  /** Of a window: in the pane of all the records; else the greatest of theirs. */
  readonly timestampMs: number;
  /** Records that it stands for; at least 1. */
  readonly recordCount: number;
}

/** The event time that a partial travels with: no record of an author has it. */
export const partialTimestampMs: number = Number.NaN;

/**
 * A partial as the receiving operator gets it, in place of a record. One object serves all partials
 * of an edge: who is handed it takes its value and keeps nothing else.
 */
export class PartialAggregate implements PartialRecord {
  key: unknown;
  value: unknown;
  timestampMs = 0;
  recordCount = 0;

  /** Takes over what was received; throws `decode-failed` if that is no partial. */
  read(received: unknown): void {
    if (!isPartialRecord(received)) throw decodeFailed("what has no event time is no partial");
    this.key = received.key;
    this.value = received.value;
    this.timestampMs = received.timestampMs;
    this.recordCount = received.recordCount;
  }
}

function isPartialRecord(value: unknown): value is PartialRecord {
  if (typeof value !== "object" || value === null) return false;
  if (!("key" in value && "value" in value)) return false;
  if (!("timestampMs" in value && "recordCount" in value)) return false;
  const { timestampMs, recordCount } = value;
  if (typeof timestampMs !== "number" || Number.isNaN(timestampMs)) return false;
  return typeof recordCount === "number" && Number.isSafeInteger(recordCount) && recordCount >= 1;
}
