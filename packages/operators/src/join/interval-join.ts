import { assert } from "@millrace/core";
import { keepsLeft, keepsRight, type IntervalJoinSpec } from "@millrace/graph";
import type { KeyedBackend, TimerState } from "@millrace/state";

import type { Operator, OperatorContext, Output } from "../operator.ts";
import { indexAtOrAfter, indexBehind } from "./sorted-times.ts";
import { TimeBuckets, type Bucket } from "./time-buckets.ts";

/** Buckets at least so long: short intervals would have a table for every few milliseconds. */
const minBucketMs = 1_000;

/** Returns the operator that joins records of two inputs whose times are near each other. */
export function createIntervalJoinOperator(spec: IntervalJoinSpec): Operator {
  return new IntervalJoinOperator(spec);
}

/** What a record of one input needs to know of both. */
interface Side {
  readonly isLeft: boolean;
  readonly own: TimeBuckets;
  readonly others: TimeBuckets;
  /** Where partners lie, from the record's own time on. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly isFromExclusive: boolean;
  readonly isToExclusive: boolean;
  /** Whether its records come out without a partner. */
  readonly isKept: boolean;
  readonly lateOutput: Output | undefined;
}

interface Opened {
  readonly context: OperatorContext;
  readonly keyed: KeyedBackend;
  readonly timers: TimerState;
  readonly left: Side;
  readonly right: Side;
}

/**
 * Pairs each record with those of its key on the other input that lie in its interval. Each record
 * is kept until the watermark has passed the last partner that it can have.
 *
 * I1 A pair is emitted once, when the second of both arrives, with the later of both times.
 * I2 A record at or before the watermark is late: it meets nobody, and is counted or goes to its
 *    tag. All others meet every partner that is not late: nothing is dropped before that.
 * I3 A record without a partner comes out, where it is kept, by a timer at the time of the last
 *    partner that it could have had, or at its own if that is later; with that time, so that it is
 *    not late for what follows. Only such records have timers.
 * I4 State goes by bucket, by rule; what was restored is asked by the same rule.
 */
class IntervalJoinOperator implements Operator {
  readonly #spec: IntervalJoinSpec;
  #opened: Opened | undefined;
  #isRestored = false;
  /** The last watermark that has fired whole. */
  #watermarkMs = -Infinity;

  constructor(spec: IntervalJoinSpec) {
    this.#spec = spec;
  }

  open(context: OperatorContext): void {
    const { keyed, operatorName } = context;
    assert(keyed !== undefined, `operator ${operatorName} is keyed and has no keyed state`);
    const { mode, lowerMs, upperMs } = this.#spec;
    const sizeMs = Math.max(minBucketMs, Math.ceil((upperMs - lowerMs) / 2));
    const left = new TimeBuckets({
      state: keyed.paneState<Bucket>("left"),
      sizeMs,
      holdMs: Math.max(0, upperMs),
      hasMatches: keepsLeft(mode),
    });
    const right = new TimeBuckets({
      state: keyed.paneState<Bucket>("right"),
      sizeMs,
      holdMs: Math.max(0, -lowerMs),
      hasMatches: keepsRight(mode),
    });
    this.#opened = {
      context,
      keyed,
      timers: keyed.timers(),
      ...createSides(this.#spec, context, { left, right }),
    };
  }

  onRecord(record: unknown, timestampMs: number): void {
    this.#take(record, timestampMs, this.#start().left);
  }

  onSecond(record: unknown, timestampMs: number): void {
    this.#take(record, timestampMs, this.#start().right);
  }

  advanceWatermark(watermarkMs: number, shouldPause: () => boolean): boolean {
    const { keyed, timers, left, right } = this.#start();
    while (timers.nextTimeMs() <= watermarkMs) {
      if (shouldPause()) return false;
      const due = timers.popDue(watermarkMs);
      if (due === undefined) break;
      keyed.setCurrentKey(due.key, due.hash);
      this.#emitUnmatched(due.timeMs, left);
      this.#emitUnmatched(due.timeMs, right);
    }
    if (watermarkMs > this.#watermarkMs) {
      this.#watermarkMs = watermarkMs;
      left.own.expire(watermarkMs);
      right.own.expire(watermarkMs);
    }
    return true;
  }

  #take(record: unknown, timestampMs: number, side: Side): void {
    const { context, timers } = this.#start();
    if (timestampMs <= this.#watermarkMs) {
      if (side.lateOutput === undefined) context.countLate(1);
      else side.lateOutput.emit(record, timestampMs);
      return;
    }
    const isMatched = this.#join(record, timestampMs, side);
    side.own.add(record, timestampMs, isMatched);
    if (side.isKept && !isMatched) timers.register(Math.ceil(timestampMs) + side.own.holdMs);
  }

  /** Emits the record with each partner that is there; returns whether there was one. */
  #join(record: unknown, timestampMs: number, side: Side): boolean {
    const { output } = this.#start().context;
    const { join } = this.#spec;
    const { others, isLeft } = side;
    const fromMs = timestampMs + side.fromMs;
    const toMs = timestampMs + side.toMs;
    let isMatched = false;
    for (let start = others.startOf(fromMs); start <= toMs; start += others.sizeMs) {
      const bucket = others.get(start);
      if (bucket === undefined) continue;
      const { at, records } = bucket;
      const from = side.isFromExclusive ? indexBehind(at, fromMs) : indexAtOrAfter(at, fromMs);
      const to = side.isToExclusive ? indexAtOrAfter(at, toMs) : indexBehind(at, toMs);
      if (from >= to) continue;
      isMatched = true;
      others.markMatched(start, from, to);
      for (let index = from; index < to; index += 1) {
        const partner = records[index];
        const value: unknown = isLeft ? join(record, partner) : join(partner, record);
        output.emit(value, Math.max(timestampMs, at[index] ?? timestampMs));
      }
    }
    return isMatched;
  }

  /** Emits, of the current key, what has its last possible partner at this time and met none. */
  #emitUnmatched(timeMs: number, { own, isKept, isLeft }: Side): void {
    if (!isKept) return;
    const { output } = this.#start().context;
    const { join } = this.#spec;
    // Timers are whole milliseconds, records need not be.
    const toMs = timeMs - own.holdMs;
    const behindMs = toMs - 1;
    for (let start = own.startOf(behindMs); start <= toMs; start += own.sizeMs) {
      const bucket = own.get(start);
      if (bucket === undefined) continue;
      const { at, records, isMatched } = bucket;
      const to = indexBehind(at, toMs);
      for (let index = indexBehind(at, behindMs); index < to; index += 1) {
        if (isMatched?.[index] === true) continue;
        const record = records[index];
        output.emit(isLeft ? join(record, undefined) : join(undefined, record), timeMs);
      }
    }
  }

  /** Takes over what was restored: the state is complete with the first call of this attempt. */
  #start(): Opened {
    const opened = this.#opened;
    assert(opened !== undefined, "an interval join was used before open");
    if (this.#isRestored) return opened;
    this.#isRestored = true;
    this.#watermarkMs = opened.context.currentWatermarkMs();
    opened.left.own.start(this.#watermarkMs);
    opened.right.own.start(this.#watermarkMs);
    return opened;
  }
}

function createSides(
  spec: IntervalJoinSpec,
  { sideOutput }: OperatorContext,
  { left, right }: { readonly left: TimeBuckets; readonly right: TimeBuckets },
): { readonly left: Side; readonly right: Side } {
  const { mode, lowerMs, upperMs, lateLeftTo, lateRightTo } = spec;
  return {
    left: {
      isLeft: true,
      own: left,
      others: right,
      fromMs: lowerMs,
      toMs: upperMs,
      isFromExclusive: spec.isLowerExclusive,
      isToExclusive: spec.isUpperExclusive,
      isKept: keepsLeft(mode),
      lateOutput: lateLeftTo === undefined ? undefined : sideOutput(lateLeftTo),
    },
    right: {
      isLeft: false,
      own: right,
      others: left,
      fromMs: -upperMs,
      toMs: -lowerMs,
      isFromExclusive: spec.isUpperExclusive,
      isToExclusive: spec.isLowerExclusive,
      isKept: keepsRight(mode),
      lateOutput: lateRightTo === undefined ? undefined : sideOutput(lateRightTo),
    },
  };
}
