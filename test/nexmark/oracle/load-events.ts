import {
  BIGINT,
  DuckDBDataChunk,
  VARCHAR,
  type DuckDBConnection,
  type DuckDBType,
  type DuckDBValue,
} from "@duckdb/node-api";
import { createSideInput, NexmarkGenerator, type GeneratorOptions } from "@millrace/nexmark";

/** Which events the oracle has. */
export interface EventSelection {
  /** Events 0 to `events - 1`. */
  readonly events: number;
  /** At least 1,000 microseconds between events, so that no two have one event time. */
  readonly options?: GeneratorOptions;
  /** Returns when event `number` is processed, for q12; at its event time unless set. */
  readonly processingTimeMs?: (number: number) => number;
}

/** DuckDB's vectors hold so many. */
const chunkRows = 2_048;

/** Times are milliseconds since the epoch. */
const tables = {
  person: {
    id: BIGINT,
    name: VARCHAR,
    emailAddress: VARCHAR,
    creditCard: VARCHAR,
    city: VARCHAR,
    state: VARCHAR,
    dateTime: BIGINT,
    extra: VARCHAR,
  },
  auction: {
    id: BIGINT,
    itemName: VARCHAR,
    description: VARCHAR,
    initialBid: BIGINT,
    reserve: BIGINT,
    dateTime: BIGINT,
    expires: BIGINT,
    seller: BIGINT,
    category: BIGINT,
    extra: VARCHAR,
  },
  bid: {
    auction: BIGINT,
    bidder: BIGINT,
    price: BIGINT,
    channel: VARCHAR,
    url: VARCHAR,
    dateTime: BIGINT,
    extra: VARCHAR,
    processingTime: BIGINT,
  },
  side_input: { key: BIGINT, value: VARCHAR },
} as const satisfies Readonly<Record<string, Readonly<Record<string, DuckDBType>>>>;

/** Creates the tables and fills them, 100,000 events in about a second. */
export async function loadEvents(
  connection: DuckDBConnection,
  { events, options = {}, processingTimeMs }: EventSelection,
): Promise<void> {
  if ((options.intervalMicros ?? 1_000) < 1_000) {
    throw new Error("events less than 1 ms apart: the order of equal event times is not defined");
  }
  const writers = {
    person: await createWriter(connection, "person"),
    auction: await createWriter(connection, "auction"),
    bid: await createWriter(connection, "bid"),
    side_input: await createWriter(connection, "side_input"),
  };
  const generator = new NexmarkGenerator(options);
  for (let number = 0; number < events; number += 1) {
    const event = generator.event(number);
    const processingTime = processingTimeMs?.(number) ?? event.dateTime;
    writers[event.kind].write({ ...event, processingTime });
  }
  for (const row of createSideInput()) writers.side_input.write({ ...row });
  for (const writer of Object.values(writers)) writer.close();
}

interface TableWriter {
  write(row: Readonly<Record<string, string | number>>): void;
  close(): void;
}

async function createWriter(
  connection: DuckDBConnection,
  table: keyof typeof tables,
): Promise<TableWriter> {
  const columns: readonly (readonly [string, DuckDBType])[] = Object.entries(tables[table]);
  const declared = columns.map(([name, columnType]) => `${name} ${columnType.toString()}`);
  await connection.run(`CREATE TABLE ${table} (${declared.join(", ")})`);
  const appender = await connection.createAppender(table);
  const types = columns.map(([, columnType]) => columnType);
  let rows: DuckDBValue[][] = [];
  const flush = (): void => {
    if (rows.length === 0) return;
    const chunk = DuckDBDataChunk.create(types);
    chunk.setRows(rows);
    appender.appendDataChunk(chunk);
    rows = [];
  };
  return {
    write(row) {
      rows.push(columns.map(([name]) => toValue(row[name])));
      if (rows.length === chunkRows) flush();
    },
    close() {
      flush();
      appender.closeSync();
    },
  };
}

function toValue(value: string | number | undefined): DuckDBValue {
  if (value === undefined) throw new Error("an event has no such field");
  return typeof value === "number" ? BigInt(value) : value;
}
