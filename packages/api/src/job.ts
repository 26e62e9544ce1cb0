import { parseDuration, type Duration } from "@millrace/core";
import type { JobSettings, SourceConnector, SourceFactory, WatermarkSpec } from "@millrace/graph";

import { asyncIterableSource } from "./async-iterable-source.ts";
import { DataStream } from "./data-stream.ts";
import { requireName, type GraphBuilder } from "./graph-builder.ts";
import { checkerOf, type StandardSchema } from "./standard-schema.ts";

/** What a job's function writes to. */
export interface Job {
  /** Sets what holds for the whole job; may be called several times. */
  defaults(settings: JobDefaults): void;
  /**
   * Returns the stream of what a schema makes of a source's records: each is held against it before
   * anything else sees it. One that does not fit fails the job with `record-invalid`, which names the
   * split and the position; see `check` for another way.
   */
  source<R>(
    name: string,
    source: SourceInput<unknown>,
    options: SourceOptions<NoInfer<R>> & { readonly schema: StandardSchema<unknown, R> },
  ): DataStream<R>;
  /**
   * Returns the stream that a source reads. The name comes first: it identifies the positions that
   * checkpoints hold. An async iterable cannot be read again: the job's guarantee says so.
   */
  source<T>(
    name: string,
    source: SourceInput<T>,
    options?: SourceOptions<NoInfer<T>>,
  ): DataStream<T>;
}

export interface JobDefaults {
  /** Subtasks of each operator; absent: as many as there are free slots, at most 8. */
  readonly parallelism?: number;
  /** Number of key groups, 128 unless set; it can never change while state is kept. */
  readonly maxParallelism?: number;
  readonly checkpoint?: {
    /** 10 seconds unless set. */
    readonly interval?: Duration;
    /** 10 minutes unless set. */
    readonly timeout?: Duration;
    /** From the end of one checkpoint to the start of the next; 0.5 seconds unless set. */
    readonly minPause?: Duration;
    /** How many completed checkpoints are kept; 3 unless set. */
    readonly retained?: number;
  };
  readonly restart?: {
    /** Failures of the author's code in a row without a checkpoint between; 10 unless set. */
    readonly maxFailures?: number;
  };
}

export type SourceInput<T> = SourceConnector<T> | SourceFactory<T> | (() => AsyncIterable<T>);

export interface SourceOptions<T> {
  /** Needed by windows and timers. */
  readonly watermarks?: {
    /** Returns the record's event time in milliseconds since the epoch. */
    readonly timestamp: (record: T) => number;
    /** How much later than a newer record of its split an older one may come; none unless set. */
    readonly outOfOrderness?: Duration;
    /** In place of `outOfOrderness`: returns an own generator of watermarks, for each split one. */
    readonly generator?: () => WatermarkGenerator<T>;
    /**
     * A subtask that has read nothing for so long no longer holds up event time, until it reads again;
     * what it reads then may be late. Unless set, one that reads nothing holds up all.
     */
    readonly idleAfter?: Duration;
    /**
     * Sources of one group read on together: a split that is further ahead of the slowest of them than
     * `maxDrift` waits, up to about a heartbeat later (a second).
     */
    readonly alignment?: { readonly group: string; readonly maxDrift: Duration };
  };
  /** Records per second over all subtasks. */
  readonly rateLimit?: number;
  readonly parallelism?: number;
}

/**
 * Says what is known of the records of a split that are still to come: none at or before the watermark.
 * A watermark lower than one before changes nothing. After a restore a new generator begins, above the
 * watermark that the split had.
 */
export interface WatermarkGenerator<T> {
  /** For each record: returns a watermark, or undefined for no new one. */
  readonly onRecord?: (record: T, timestampMs: number) => number | undefined;
  /** Every 200 ms: returns a watermark, or undefined for no new one. */
  readonly onPeriodic?: (nowMs: number) => number | undefined;
}

/** What is left of the options without their types. */
type ErasedSourceOptions = SourceOptions<never> & {
  readonly schema?: StandardSchema<unknown, unknown>;
};

/** Returns what a job's function gets; it adds to the builder. */
export function createJob(builder: GraphBuilder): Job {
  return {
    defaults(settings) {
      builder.mergeSettings(toSettings(settings));
    },
    source(
      name: string,
      source: SourceInput<unknown>,
      { watermarks, rateLimit, parallelism, schema }: ErasedSourceOptions = {},
    ) {
      requireName(name, "source");
      const id = builder.add(
        {
          kind: "source",
          connector: toConnector(name, source, builder),
          ...(watermarks === undefined ? {} : { watermarks: toWatermarks(watermarks) }),
          ...(rateLimit === undefined ? {} : { rateLimit }),
          ...(schema === undefined
            ? {}
            : { check: checkerOf(schema, `a record of source ${name}`) }),
        },
        { inputs: [], name, parallelism },
      );
      return new DataStream<never>(builder, id);
    },
  };
}

function toConnector<T>(
  name: string,
  source: SourceInput<T>,
  { environment }: GraphBuilder,
): SourceConnector<T> {
  if (typeof source === "function") return asyncIterableSource(name, source);
  return "createSource" in source ? source.createSource(environment) : source;
}

function toWatermarks<T>({
  timestamp,
  outOfOrderness = "0 ms",
  generator,
  idleAfter,
  alignment,
}: NonNullable<SourceOptions<T>["watermarks"]>): WatermarkSpec {
  return {
    timestamp,
    outOfOrdernessMs: parseDuration(outOfOrderness),
    ...(generator === undefined ? {} : { generator }),
    ...(idleAfter === undefined ? {} : { idleAfterMs: parseDuration(idleAfter) }),
    ...(alignment === undefined
      ? {}
      : { alignment: { group: alignment.group, maxDriftMs: parseDuration(alignment.maxDrift) } }),
  };
}

function toSettings({ checkpoint, restart, ...counts }: JobDefaults): JobSettings {
  const { interval, timeout, minPause, retained } = checkpoint ?? {};
  return {
    ...counts,
    checkpoint: {
      ...(interval === undefined ? {} : { intervalMs: parseDuration(interval) }),
      ...(timeout === undefined ? {} : { timeoutMs: parseDuration(timeout) }),
      ...(minPause === undefined ? {} : { minPauseMs: parseDuration(minPause) }),
      ...(retained === undefined ? {} : { retainedCount: retained }),
    },
    restart: { ...restart },
  };
}
