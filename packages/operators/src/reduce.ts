import { assert } from "@millrace/core";
import type { ReduceSpec } from "@millrace/graph";
import type { KeyedBackend, ValueState } from "@millrace/state";

import type { Operator, OperatorContext, Output } from "./operator.ts";

/**
 * Returns the keyed running aggregate: each record changes its key's value and emits the result,
 * with the record's event time (Flink's ReducingStreamOperator).
 */
export function createReduceOperator(spec: ReduceSpec): Operator {
  return new ReduceOperator(spec);
}

class ReduceOperator implements Operator {
  readonly #spec: ReduceSpec;
  #keyed: KeyedBackend | undefined;
  #state: ValueState<unknown> | undefined;
  #output: Output | undefined;

  constructor(spec: ReduceSpec) {
    this.#spec = spec;
  }

  open({ keyed, output, operatorName }: OperatorContext): void {
    assert(keyed !== undefined, `operator ${operatorName} is keyed and has no keyed state`);
    this.#keyed = keyed;
    this.#state = keyed.valueState("value");
    this.#output = output;
  }

  onRecord(record: unknown, timestampMs: number): void {
    const keyed = this.#keyed;
    const state = this.#state;
    assert(keyed !== undefined && state !== undefined, "a reduce got a record before open");
    const { create, add, result } = this.#spec;
    const cell = state.cellForUpdate();
    const { value } = cell;
    const next: unknown = value === undefined ? create(record) : add(value, record);
    cell.value = next;
    this.#output?.emit(result(next, keyed.currentKey()), timestampMs);
  }
}
