import type { UserFunction } from "./stream-graph.ts";

/** How keyed records become a table: the last one of a key is its row. */
export interface TableInput {
  /** Returns a record's row; null or undefined deletes the key's row. */
  readonly valueOf: UserFunction;
  readonly order: TableOrder;
}

/**
 * Which record of a key is the last one: the one with the greatest event time, of equal ones the one
 * that comes last; or the one that comes last, whatever its time.
 */
export type TableOrder = "event-time" | "arrival";

/** Emits each change of a table as `{ key, before, after }`, null where there is no row. */
export interface TableSpec extends TableInput {
  readonly kind: "table";
}
