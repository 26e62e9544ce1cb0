import { assert } from "@millrace/core";
import { keepsLeft, keepsRight, type TableJoinSpec } from "@millrace/graph";
import type { KeyedBackend } from "@millrace/state";

import type { Operator, OperatorContext } from "../operator.ts";
import { TableRows, type Row } from "./table-rows.ts";
import { TableTime } from "./table-time.ts";

/** Returns the operator that joins two tables. */
export function createTableJoinOperator(spec: TableJoinSpec): Operator {
  return new TableJoinOperator(spec);
}

interface Opened {
  readonly context: OperatorContext;
  readonly keyed: KeyedBackend;
  readonly left: TableRows;
  readonly right: TableRows;
  readonly time: TableTime;
}

/**
 * Keeps the rows of both tables and emits how their join changes, at each record that changes one of
 * them (Kafka Streams' KTableKTableInnerJoin and its siblings).
 *
 * I1 The changes of a key in their order are its row: `before` is the `after` of the change before.
 *    That there was no row and is none is no change.
 * I2 A change has the later time of the record and of the other table's row, if there is one.
 */
class TableJoinOperator implements Operator {
  readonly #spec: TableJoinSpec;
  readonly #keepsLeft: boolean;
  readonly #keepsRight: boolean;
  #open: Opened | undefined;

  constructor(spec: TableJoinSpec) {
    this.#spec = spec;
    this.#keepsLeft = keepsLeft(spec.mode);
    this.#keepsRight = keepsRight(spec.mode);
  }

  open(context: OperatorContext): void {
    const { keyed, operatorName } = context;
    assert(keyed !== undefined, `operator ${operatorName} is keyed and has no keyed state`);
    const timers = keyed.timers();
    const left = new TableRows(this.#spec.left, keyed.valueState<Row>("left"), timers);
    const right = new TableRows(this.#spec.right, keyed.valueState<Row>("right"), timers);
    const time = new TableTime(keyed, context, [left, right]);
    this.#open = { context, keyed, left, right, time };
  }

  onRecord(record: unknown, timestampMs: number): void {
    const { left, right } = this.#opened();
    if (!this.#isApplied(left, timestampMs)) return;
    const other = right.get();
    const before = this.#join(left.get()?.value, other?.value);
    const value = this.#apply(left, record, timestampMs);
    const after = this.#join(value ?? undefined, other?.value);
    this.#emit(before, after, Math.max(timestampMs, other?.at ?? -Infinity));
  }

  onSecond(record: unknown, timestampMs: number): void {
    const { left, right } = this.#opened();
    if (!this.#isApplied(right, timestampMs)) return;
    const other = left.get();
    const before = this.#join(other?.value, right.get()?.value);
    const value = this.#apply(right, record, timestampMs);
    const after = this.#join(other?.value, value ?? undefined);
    this.#emit(before, after, Math.max(timestampMs, other?.at ?? -Infinity));
  }

  advanceWatermark(watermarkMs: number, shouldPause: () => boolean): boolean {
    return this.#opened().time.advance(watermarkMs, shouldPause);
  }

  #isApplied(rows: TableRows, timestampMs: number): boolean {
    const { context, time } = this.#opened();
    const upsert = rows.judge(timestampMs, time.watermarkMs);
    if (upsert === "late") context.countLate(1);
    return upsert === "applied";
  }

  /** Returns the new row; null if there is none. */
  #apply(rows: TableRows, record: unknown, timestampMs: number): unknown {
    const value = rows.valueOf(record);
    rows.apply(value, timestampMs, this.#opened().time.watermarkMs);
    return value;
  }

  /** Returns the joined row of a key; null if there is none. Rows are undefined where there is none. */
  #join(left: unknown, right: unknown): unknown {
    const hasLeft = left !== undefined || (this.#keepsRight && right !== undefined);
    const hasRight = right !== undefined || (this.#keepsLeft && left !== undefined);
    return hasLeft && hasRight ? (this.#spec.join(left, right) ?? null) : null;
  }

  #emit(before: unknown, after: unknown, timestampMs: number): void {
    if (before === null && after === null) return;
    const { context, keyed } = this.#opened();
    context.output.emit({ key: keyed.currentKey(), before, after }, timestampMs);
  }

  #opened(): Opened {
    assert(this.#open !== undefined, "a join of tables was used before open");
    return this.#open;
  }
}
