import { assert } from "@millrace/core";
import type { LookupJoinSpec } from "@millrace/graph";

import type { Operator, OperatorContext } from "../operator.ts";
import { TableRows, type Row } from "./table-rows.ts";
import { TableTime } from "./table-time.ts";

/** Returns the operator that joins a stream with what a table holds when its records come. */
export function createLookupJoinOperator(spec: LookupJoinSpec): Operator {
  return new LookupJoinOperator(spec);
}

interface Opened {
  readonly context: OperatorContext;
  readonly rows: TableRows;
  readonly time: TableTime;
}

/**
 * I1 A stream's record meets the row that is there when it comes, and is emitted at once with its own
 *    time; the table's records emit nothing (Kafka Streams' KStreamKTableJoin). So what is met
 *    depends on which input is read first.
 */
class LookupJoinOperator implements Operator {
  readonly #spec: LookupJoinSpec;
  #open: Opened | undefined;

  constructor(spec: LookupJoinSpec) {
    this.#spec = spec;
  }

  open(context: OperatorContext): void {
    const { keyed, operatorName } = context;
    assert(keyed !== undefined, `operator ${operatorName} is keyed and has no keyed state`);
    const rows = new TableRows(this.#spec.right, keyed.valueState<Row>("rows"), keyed.timers());
    this.#open = { context, rows, time: new TableTime(keyed, context, [rows]) };
  }

  onRecord(record: unknown, timestampMs: number): void {
    const { context, rows } = this.#opened();
    const row = rows.get();
    if (row === undefined && this.#spec.mode === "inner") return;
    context.output.emit(this.#spec.join(record, row?.value), timestampMs);
  }

  onSecond(record: unknown, timestampMs: number): void {
    const { context, rows, time } = this.#opened();
    const { watermarkMs } = time;
    const upsert = rows.judge(timestampMs, watermarkMs);
    if (upsert === "applied") rows.apply(rows.valueOf(record), timestampMs, watermarkMs);
    else if (upsert === "late") context.countLate(1);
  }

  advanceWatermark(watermarkMs: number, shouldPause: () => boolean): boolean {
    return this.#opened().time.advance(watermarkMs, shouldPause);
  }

  #opened(): Opened {
    assert(this.#open !== undefined, "a lookup join was used before open");
    return this.#open;
  }
}
