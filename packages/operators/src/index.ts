export type { Operator, OperatorContext, Output } from "./operator.ts";
