import type { UserFunction } from "./stream-graph.ts";
import type { TableInput } from "./table-spec.ts";

/** An operator that joins its two keyed inputs; the first one is the left one. */
export type JoinSpec = IntervalJoinSpec | TableJoinSpec | LookupJoinSpec | TemporalJoinSpec;

/** Whose records come out also without a partner, once there can be none. */
export type JoinMode = "inner" | "left" | "right" | "outer";

/**
 * Joins records whose times are near each other: a left one at `t` with the right ones from
 * `t + lowerMs` to `t + upperMs` (Flink's IntervalJoinOperator).
 */
export interface IntervalJoinSpec {
  readonly kind: "join";
  readonly type: "interval";
  readonly mode: JoinMode;
  /** May be below 0, and not above `upperMs`. */
  readonly lowerMs: number;
  readonly upperMs: number;
  /** Whether a distance of exactly the bound is outside. */
  readonly isLowerExclusive: boolean;
  readonly isUpperExclusive: boolean;
  /** `(left, right) => emitted`; undefined stands for the partner that there is not. */
  readonly join: UserFunction;
  /** Tags for late records of the left and the right input; absent: they are dropped. */
  readonly lateLeftTo?: string;
  readonly lateRightTo?: string;
}

/** Joins two tables row by row and emits each change of the result (Kafka Streams' KTable join). */
export interface TableJoinSpec {
  readonly kind: "join";
  readonly type: "tables";
  readonly mode: JoinMode;
  readonly left: TableInput;
  readonly right: TableInput;
  /** `(left, right) => row`; undefined stands for the row that there is not. */
  readonly join: UserFunction;
}

/** Joins each left record with the row that its key has when the record comes (KStream and KTable). */
export interface LookupJoinSpec {
  readonly kind: "join";
  readonly type: "lookup";
  readonly mode: "inner" | "left";
  readonly right: TableInput;
  readonly join: UserFunction;
}

/**
 * Joins each left record with the row that its key had at the record's event time, once the
 * watermark says that no other can come (Flink's TemporalRowTimeJoinOperator).
 */
export interface TemporalJoinSpec {
  readonly kind: "join";
  readonly type: "temporal";
  readonly mode: "inner" | "left";
  readonly right: Pick<TableInput, "valueOf">;
  readonly join: UserFunction;
}

/** Whether left records come out without a partner. */
export function keepsLeft(mode: JoinMode): boolean {
  return mode === "left" || mode === "outer";
}

/** Whether right records come out without a partner. */
export function keepsRight(mode: JoinMode): boolean {
  return mode === "right" || mode === "outer";
}
