import type { UserFunction } from "./stream-graph.ts";

/** Where the event time of a source's records comes from, and what they say of those to come. */
export interface WatermarkSpec {
  /** Returns the record's event time in milliseconds since the epoch. */
  readonly timestamp: UserFunction<number>;
  /** Of bounded out-of-orderness; 0: timestamps rise in each split. */
  readonly outOfOrdernessMs: number;
  /** In place of bounded out-of-orderness: returns the generator of one split. */
  readonly generator?: UserFunction<WatermarkFunctions>;
  /** A subtask that reads no record for so long says that it is idle; never unless set. */
  readonly idleAfterMs?: number;
  readonly alignment?: WatermarkAlignment;
}

/** Sources of a group read on together (Flink's withWatermarkAlignment). */
export interface WatermarkAlignment {
  readonly group: string;
  /** How far a split may be ahead of the slowest source of the group. */
  readonly maxDriftMs: number;
}

/** An author's own watermarks of one split (Flink's WatermarkGenerator). */
export interface WatermarkFunctions {
  /** `(record, timestampMs)`: returns the watermark from here on, or nothing new. */
  readonly onRecord?: UserFunction<number | undefined>;
  /** `(nowMs)`, every 200 ms: returns the watermark from here on, or nothing new. */
  readonly onPeriodic?: UserFunction<number | undefined>;
}
