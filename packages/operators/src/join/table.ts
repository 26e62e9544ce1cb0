import { assert } from "@millrace/core";
import type { TableSpec } from "@millrace/graph";
import type { KeyedBackend } from "@millrace/state";

import type { Operator, OperatorContext } from "../operator.ts";
import { TableRows, type Row } from "./table-rows.ts";
import { TableTime } from "./table-time.ts";

/** Returns the operator that emits each change of a table (Kafka Streams' KTable.toStream). */
export function createTableOperator(spec: TableSpec): Operator {
  return new TableOperator(spec);
}

interface Opened {
  readonly context: OperatorContext;
  readonly keyed: KeyedBackend;
  readonly rows: TableRows;
  readonly time: TableTime;
}

/**
 * I1 A change is emitted for each record that makes or deletes a row, with its event time; what
 *    deletes nothing emits nothing.
 */
class TableOperator implements Operator {
  readonly #spec: TableSpec;
  #open: Opened | undefined;

  constructor(spec: TableSpec) {
    this.#spec = spec;
  }

  open(context: OperatorContext): void {
    const { keyed, operatorName } = context;
    assert(keyed !== undefined, `operator ${operatorName} is keyed and has no keyed state`);
    const rows = new TableRows(this.#spec, keyed.valueState<Row>("rows"), keyed.timers());
    this.#open = { context, keyed, rows, time: new TableTime(keyed, context, [rows]) };
  }

  onRecord(record: unknown, timestampMs: number): void {
    const { context, keyed, rows, time } = this.#opened();
    const { watermarkMs } = time;
    const upsert = rows.judge(timestampMs, watermarkMs);
    if (upsert === "late") context.countLate(1);
    if (upsert !== "applied") return;
    const before = rows.get()?.value ?? null;
    const after = rows.valueOf(record);
    rows.apply(after, timestampMs, watermarkMs);
    if (before === null && after === null) return;
    context.output.emit({ key: keyed.currentKey(), before, after }, timestampMs);
  }

  advanceWatermark(watermarkMs: number, shouldPause: () => boolean): boolean {
    return this.#opened().time.advance(watermarkMs, shouldPause);
  }

  #opened(): Opened {
    assert(this.#open !== undefined, "a table was used before open");
    return this.#open;
  }
}
