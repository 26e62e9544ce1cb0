import { DuckDBInstance, type DuckDBConnection } from "@duckdb/node-api";
import { canonicalJson, type JsonValue } from "@millrace/core";
import type { GeneratorOptions } from "@millrace/nexmark";

import { loadEvents, type EventSelection } from "./load-events.ts";
import { queries } from "./queries.ts";
import type { NexmarkRows, QueryName } from "./rows.ts";

/*
 * What each Nexmark query gives for the first events of the generator, by another engine.
 */

/** So that windows of 10 s, minutes and days end within the first 10,000 events. */
export const verifiedOptions: GeneratorOptions = {
  firstEventAtMs: Date.UTC(2015, 6, 14, 23, 59, 55),
};

/** All queries, in their order. */
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the table's keys are its type's
export const queryNames: readonly QueryName[] = Object.keys(queries) as QueryName[];

/** Answers for one selection of events; to be closed. */
export interface NexmarkOracle extends Disposable {
  /** Returns the final rows of a query, in the order of `sortRows`. */
  expectedRows<Q extends QueryName>(query: Q): Promise<readonly NexmarkRows[Q][]>;
}

/** Returns an oracle over events that it loads: 100,000 take about a second. */
export async function createOracle(selection: EventSelection): Promise<NexmarkOracle> {
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  const close = (): void => {
    connection.closeSync();
    instance.closeSync();
  };
  try {
    await loadEvents(connection, selection);
  } catch (error) {
    close();
    throw error;
  }
  return {
    expectedRows: (query) => readRows(connection, query),
    [Symbol.dispose]: close,
  };
}

async function readRows<Q extends QueryName>(
  connection: DuckDBConnection,
  query: Q,
): Promise<readonly NexmarkRows[Q][]> {
  const reader = await connection.runAndReadAll(queries[query].sql);
  const names = reader.columnNames();
  const rows = reader
    .getRows()
    .map((values): Readonly<Record<string, string | number>> =>
      Object.fromEntries(values.map((value, index) => [names[index] ?? "", toPlain(value)])),
    );
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- tests compare it with the type
  return sortRows(rows) as readonly unknown[] as readonly NexmarkRows[Q][];
}

function toPlain(value: unknown): string | number {
  if (typeof value === "string" || typeof value === "number") return value;
  if (typeof value === "bigint" && Number.isSafeInteger(Number(value))) return Number(value);
  throw new Error(`a query gives ${typeof value} ${String(value)}, no text and no exact number`);
}

/**
 * Returns plain objects in an order that depends on them alone, not on the order of their fields: two
 * multisets of rows are equal if their sorted rows are.
 */
export function sortRows<Row extends Readonly<Record<string, JsonValue>>>(
  rows: readonly Row[],
): readonly Row[] {
  return rows
    .map((row) => ({ row, line: canonicalJson(row) }))
    .toSorted((left, right) => (left.line < right.line ? -1 : left.line > right.line ? 1 : 0))
    .map(({ row }) => row);
}
