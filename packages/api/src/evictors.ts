import { parseDuration, type Duration } from "@millrace/core";
import type { EvictorSpec } from "@millrace/graph";

import type { TimeWindow } from "./window-functions.ts";

/** What firings of windows over records of a type see. */
export interface Evictor<T> {
  readonly spec: EvictorSpec;
  /** Only types use it. */
  readonly accepts?: (record: T) => void;
}

/** A record of a window, with the time by which it lies in it. */
export interface WindowRecord<T> {
  readonly value: T;
  readonly timestamp: number;
}

/** Functions that return which of a window's records stay; the others are forgotten. */
export interface CustomEvictor<T> {
  /** Called before the window's function, which gets what it returns. */
  readonly before?: ChooseRecords<T>;
  /** Called after it, with what the function got. */
  readonly after?: ChooseRecords<T>;
}

type ChooseRecords<T> = (
  records: readonly WindowRecord<T>[],
  details: { readonly key: unknown; readonly window: TimeWindow; readonly watermark: number },
) => readonly WindowRecord<T>[];

/**
 * Which records of a window a firing sees (Flink's evictors of the same names). With an evictor all of
 * a window's records are state, also under an aggregate. A window that has none left emits nothing.
 */
export const evictors: {
  /** The last `count` in the order in which they arrived. */
  readonly count: (count: number) => Evictor<unknown>;
  /** Those younger than the newest by less than this. */
  readonly time: (keep: Duration) => Evictor<unknown>;
  /** The author's own. */
  readonly custom: <T>(evictor: CustomEvictor<T>) => Evictor<T>;
} = {
  count: (records) => ({ spec: { kind: "count", count: records } }),
  time: (keep) => ({ spec: { kind: "time", keepMs: parseDuration(keep) } }),
  custom: (evictor) => ({ spec: { kind: "custom", ...evictor } }),
};
