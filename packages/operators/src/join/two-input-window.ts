import type { GeneralWindowSpec, WindowSpec } from "@millrace/graph";

import type { Operator } from "../operator.ts";

/**
 * Returns the window operator of the spec; over two inputs where it has an `addSecond`. That is the
 * same operator, of which `add` is told where the record came from, so that all kinds of windows
 * can be joined (Flink's CoGroupedStreams wraps each record for that).
 */
export function withSecondInput<Spec extends WindowSpec | GeneralWindowSpec>(
  spec: Spec,
  createWindowOperator: (spec: Spec) => Operator,
): Operator {
  const { add, addSecond } = spec.aggregate;
  if (addSecond === undefined) return createWindowOperator(spec);
  let isSecond = false;
  const operator = createWindowOperator({
    ...spec,
    aggregate: {
      ...spec.aggregate,
      add: (accumulator: unknown, record: unknown): unknown =>
        isSecond ? addSecond(accumulator, record) : add(accumulator, record),
    },
  });
  return Object.assign(operator, {
    onSecond(record: unknown, timestampMs: number): void {
      isSecond = true;
      operator.onRecord(record, timestampMs);
      isSecond = false;
    },
  });
}
