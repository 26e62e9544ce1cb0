export { AsyncOperator, type AsyncCounts, type AsyncPorts } from "./async/async-operator.ts";
export type { Mark } from "./async/element-queue.ts";
export { combineSettings, CombinePolicy, type CombineSettings } from "./combine/combine-policy.ts";
export { CombineTable, placeOf, type CombineOutput } from "./combine/combine-table.ts";
export { combiningOf, type Combining } from "./combine/combining.ts";
export { PartialAggregate, partialTimestampMs, type PartialRecord } from "./combine/partial.ts";
export { createCheckedReader } from "./checked-reader.ts";
export { createOperator } from "./create-operator.ts";
export type { Operator, OperatorContext, Output } from "./operator.ts";
