import { assertNever } from "@millrace/core";
import type { JoinSpec } from "@millrace/graph";

import type { Operator } from "../operator.ts";
import { createIntervalJoinOperator } from "./interval-join.ts";
import { createLookupJoinOperator } from "./lookup-join.ts";
import { createTableJoinOperator } from "./table-join.ts";
import { createTemporalJoinOperator } from "./temporal-join.ts";

/** Returns the operator of a join. */
export function createJoinOperator(spec: JoinSpec): Operator {
  switch (spec.type) {
    case "interval":
      return createIntervalJoinOperator(spec);
    case "tables":
      return createTableJoinOperator(spec);
    case "lookup":
      return createLookupJoinOperator(spec);
    case "temporal":
      return createTemporalJoinOperator(spec);
    default:
      return assertNever(spec);
  }
}
