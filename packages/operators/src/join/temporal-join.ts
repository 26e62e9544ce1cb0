import { assert } from "@millrace/core";
import type { TemporalJoinSpec } from "@millrace/graph";
import type { KeyedBackend, TimerState, ValueState } from "@millrace/state";

import type { Operator, OperatorContext } from "../operator.ts";
import { indexBehind } from "./sorted-times.ts";

/** Returns the operator that joins records with the version of a table at their event time. */
export function createTemporalJoinOperator(spec: TemporalJoinSpec): Operator {
  return new TemporalJoinOperator(spec);
}

/** Parallel arrays, by time. */
interface Timed {
  readonly at: number[];
  /** Of versions: null where the row was deleted. */
  readonly values: unknown[];
}

interface Opened {
  readonly context: OperatorContext;
  readonly keyed: KeyedBackend;
  readonly timers: TimerState;
  /** Records that wait for the watermark. */
  readonly waiting: ValueState<Timed>;
  readonly versions: ValueState<Timed>;
}

/**
 * Holds each record until the watermark is at its time: then no version that is valid at it can come.
 *
 * I1 A version is valid from its own time, inclusive, to that of the next one, exclusive; of two of
 *    one time the one that came last counts.
 * I2 Records come out by time, whatever the order in which they came, with their own time, which
 *    is ahead of the watermark before: so they are not late behind this operator.
 * I3 A record at or before the watermark is late, dropped and counted. A version may come late: it
 *    counts for records to come, unless there is a later one before the watermark, or none at all, as
 *    then it may be older than a deletion; that is dropped and counted.
 * I4 Of the versions at or before the watermark only the last one is kept, and no deletion. A key
 *    that waits has one timer, at its first record.
 */
class TemporalJoinOperator implements Operator {
  readonly #spec: TemporalJoinSpec;
  #open: Opened | undefined;
  #isRestored = false;
  #watermarkMs = -Infinity;

  constructor(spec: TemporalJoinSpec) {
    this.#spec = spec;
  }

  open(context: OperatorContext): void {
    const { keyed, operatorName } = context;
    assert(keyed !== undefined, `operator ${operatorName} is keyed and has no keyed state`);
    this.#open = {
      context,
      keyed,
      timers: keyed.timers(),
      waiting: keyed.valueState<Timed>("waiting"),
      versions: keyed.valueState<Timed>("versions"),
    };
  }

  onRecord(record: unknown, timestampMs: number): void {
    const { context, timers, waiting } = this.#opened();
    if (timestampMs <= this.#watermarkMs) {
      context.countLate(1);
      return;
    }
    const cell = waiting.cellForUpdate();
    cell.value ??= { at: [], values: [] };
    const index = insert(cell.value, timestampMs, record);
    if (index === 0) timers.register(timestampMs);
  }

  onSecond(record: unknown, timestampMs: number): void {
    const { context, timers, versions } = this.#opened();
    if (this.#isOutdated(versions.get(), timestampMs)) {
      context.countLate(1);
      return;
    }
    const value: unknown = this.#spec.right.valueOf(record) ?? null;
    const cell = versions.cellForUpdate();
    cell.value ??= { at: [], values: [] };
    const known = cell.value;
    const index = indexBehind(known.at, timestampMs) - 1;
    if (known.at[index] === timestampMs) known.values[index] = value;
    else insert(known, timestampMs, value);
    this.#prune(this.#watermarkMs);
    // Whoever waits for a deletion to pass forgets it then.
    if (value === null && timestampMs > this.#watermarkMs) timers.register(timestampMs);
  }

  advanceWatermark(watermarkMs: number, shouldPause: () => boolean): boolean {
    const { keyed, timers } = this.#opened();
    while (timers.nextTimeMs() <= watermarkMs) {
      if (shouldPause()) return false;
      const due = timers.popDue(watermarkMs);
      if (due === undefined) break;
      keyed.setCurrentKey(due.key, due.hash);
      this.#joinUntil(due.timeMs);
      this.#prune(due.timeMs);
    }
    this.#watermarkMs = Math.max(this.#watermarkMs, watermarkMs);
    return true;
  }

  /** Whether a version counts for no record to come, or cannot be told from an outdated one. */
  #isOutdated(versions: Timed | undefined, timeMs: number): boolean {
    if (timeMs > this.#watermarkMs) return false;
    const base = versions === undefined ? -1 : indexBehind(versions.at, this.#watermarkMs) - 1;
    const baseMs = versions?.at[base];
    return baseMs === undefined || timeMs < baseMs;
  }

  /** Emits the current key's waiting records up to a time, and asks for its next one. */
  #joinUntil(timeMs: number): void {
    const { context, timers, waiting, versions } = this.#opened();
    const due = waiting.get();
    const count = due === undefined ? 0 : indexBehind(due.at, timeMs);
    if (due === undefined || count === 0) return;
    const known = versions.get();
    const isInner = this.#spec.mode === "inner";
    for (let index = 0; index < count; index += 1) {
      const at = due.at[index] ?? timeMs;
      const version = known?.values[indexBehind(known.at, at) - 1] ?? undefined;
      if (version === undefined && isInner) continue;
      context.output.emit(this.#spec.join(due.values[index], version), at);
    }
    const next = due.at[count];
    if (next === undefined) {
      waiting.clear();
    } else {
      dropFirst(waiting.cellForUpdate().value, count);
      timers.register(next);
    }
  }

  /** Forgets the current key's versions that no record behind the watermark can meet. */
  #prune(watermarkMs: number): void {
    const { versions } = this.#opened();
    const known = versions.get();
    if (known === undefined) return;
    const base = indexBehind(known.at, watermarkMs) - 1;
    const outdated = known.values[base] === null ? base + 1 : base;
    if (outdated <= 0) return;
    if (outdated === known.at.length) versions.clear();
    else dropFirst(versions.cellForUpdate().value, outdated);
  }

  #opened(): Opened {
    const opened = this.#open;
    assert(opened !== undefined, "a temporal join was used before open");
    if (this.#isRestored) return opened;
    // What is restored is complete with the first call of an attempt.
    this.#isRestored = true;
    this.#watermarkMs = opened.context.currentWatermarkMs();
    return opened;
  }
}

/** Puts a value behind those of its time; returns its index. */
function insert({ at, values }: Timed, timeMs: number, value: unknown): number {
  const index = indexBehind(at, timeMs);
  at.splice(index, 0, timeMs);
  values.splice(index, 0, value);
  return index;
}

function dropFirst(timed: Timed | undefined, count: number): void {
  timed?.at.splice(0, count);
  timed?.values.splice(0, count);
}
