export { createOperator } from "./create-operator.ts";
export type { Operator, OperatorContext, Output } from "./operator.ts";
