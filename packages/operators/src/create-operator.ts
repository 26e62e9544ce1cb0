import { assertNever, noFailpoints, type Failpoints } from "@millrace/core";
import { invalidJob, type OperatorSpec, type PlannedOperator } from "@millrace/graph";

import { createBroadcastProcessOperator } from "./broadcast-process.ts";
import { withPartials } from "./combine/combining.ts";
import { createJoinOperator } from "./join/create-join-operator.ts";
import { createTableOperator } from "./join/table.ts";
import { withSecondInput } from "./join/two-input-window.ts";
import type { Operator } from "./operator.ts";
import { createPlainProcessOperator } from "./plain-process.ts";
import { createPrintOperator } from "./print.ts";
import { createProcessOperator } from "./process.ts";
import { createReduceOperator } from "./reduce.ts";
import { createSinkOperator } from "./two-phase-sink.ts";
import { createCountWindowOperator } from "./window/count-window-operator.ts";
import { createGeneralWindowOperator } from "./window/general-window-operator.ts";
import { createWindowOperator } from "./window/window-operator.ts";

/**
 * Returns a new operator of a chain for one subtask. Sources, `map`, `filter`, `flat-map` and the
 * virtual nodes are not operators of their own: the chain runs them. An async operator needs ports
 * that only its task has.
 */
export function createOperator(
  spec: OperatorSpec,
  planned: PlannedOperator,
  failpoints: Failpoints = noFailpoints,
): Operator {
  switch (spec.kind) {
    case "reduce":
      return createReduceOperator(withPartials(spec));
    case "window":
      return withSecondInput(spec, createWindowOperator);
    case "general-window":
      return withSecondInput(spec, createGeneralWindowOperator);
    case "count-window":
      return createCountWindowOperator(spec);
    case "process":
      return createProcessOperator(spec);
    case "join":
      return createJoinOperator(spec);
    case "table":
      return createTableOperator(spec);
    case "broadcast-process":
    case "keyed-broadcast-process":
      return createBroadcastProcessOperator(spec);
    case "plain-process":
      return createPlainProcessOperator(spec);
    case "sink":
      return createSinkOperator(spec.connector, failpoints);
    case "print":
      return createPrintOperator(spec.label);
    case "async-map":
      throw invalidJob(`operator ${planned.name}: an async operator is made by its task`);
    case "source":
    case "map":
    case "filter":
    case "flat-map":
    case "key-by":
    case "union":
    case "rebalance":
    case "partition":
    case "side-output":
      throw invalidJob(`operator ${planned.name}: a ${spec.kind} is run by its chain itself`);
    default:
      return assertNever(spec);
  }
}
