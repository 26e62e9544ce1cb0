/**
 * Compares what a run of endless-delays committed with what it had to: both computed by DuckDB, from
 * the Parquet file and from the lines of the sink, so nothing of ours is on the expected side.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";

import { DuckDBInstance, type DuckDBConnection } from "@duckdb/node-api";

export interface OutputQuestion {
  /** The Parquet file that the job read again and again. */
  readonly flightsFile: string;
  /** How many rows of all loops had to be read. */
  readonly lastRow: number;
  /** Where the sink put the files of the job. */
  readonly outputFolder: string;
}

export interface OutputVerdict {
  readonly expectedRows: number;
  readonly committedRows: number;
  /** Hours of an airport that are not there. */
  readonly lostRows: number;
  /** Lines beyond the first of an hour of an airport. */
  readonly doubledRows: number;
  /** Hours whose numbers differ, or that should not be there. */
  readonly wrongRows: number;
  /** Staged files that nobody published or removed. */
  readonly stagedFiles: readonly string[];
  /** A few lines of each kind, as text. */
  readonly examples: readonly string[];
}

/** Returns what differs; all counts but the first two are 0 for an exactly-once run. */
export async function verifyOutput(question: OutputQuestion): Promise<OutputVerdict> {
  const instance = await DuckDBInstance.create(":memory:", { memory_limit: "2GB", threads: "2" });
  const connection = await instance.connect();
  try {
    await connection.run(expectedTable(question));
    await connection.run(committedTable(question.outputFolder));
    await connection.run(differences);
    const count = (sql: string): Promise<number> => readCount(connection, sql);
    return {
      expectedRows: await count("SELECT count(*) FROM expected"),
      committedRows: await count("SELECT count(*) FROM committed"),
      lostRows: await count("SELECT count(*) FROM differing WHERE kind = 'lost'"),
      doubledRows: await count("SELECT sum(lines - 1) FROM differing WHERE kind = 'doubled'"),
      wrongRows: await count("SELECT count(*) FROM differing WHERE kind = 'wrong'"),
      stagedFiles: await readdir(join(question.outputFolder, ".staging")).catch(() => []),
      examples: await readExamples(connection),
    };
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

function expectedTable({ flightsFile, lastRow }: OutputQuestion): string {
  return `
    CREATE TABLE expected AS
    WITH flights AS (
      SELECT file_row_number AS row, origin, delay, epoch_ms(date) AS at_ms
      FROM read_parquet(${quote(flightsFile)}, file_row_number = true)),
    size AS (SELECT count(*) AS rows FROM flights),
    loops AS (
      SELECT unnest(range(0, CAST(ceil(${lastRow} / rows) AS BIGINT))) AS loop, rows FROM size)
    SELECT origin AS airport, hour, count(*) AS flights,
           CAST(sum(delay) AS DOUBLE) / count(*) AS mean
    FROM (
      SELECT origin, delay,
             (at_ms + loop * 181 * 86400000) // 3600000 * 3600000 AS hour
      FROM flights, loops WHERE loop * rows + row < ${lastRow})
    GROUP BY airport, hour`;
}

function committedTable(folder: string): string {
  return `
    CREATE TABLE committed AS
    SELECT airport, hour, flights, "meanDelayMinutes" AS mean
    FROM read_json(${quote(join(folder, "*.jsonl"))}, format = 'newline_delimited', columns =
      {airport: 'VARCHAR', hour: 'BIGINT', flights: 'BIGINT', "meanDelayMinutes": 'DOUBLE'})`;
}

const differences = `
  CREATE TABLE differing AS
  WITH lines AS (
    SELECT airport, hour, count(*) AS lines, any_value(flights) AS flights, any_value(mean) AS mean
    FROM committed GROUP BY airport, hour)
  SELECT coalesce(e.airport, l.airport) AS airport, coalesce(e.hour, l.hour) AS hour, l.lines,
         e.flights AS expected, l.flights AS committed,
         CASE WHEN l.airport IS NULL THEN 'lost'
              WHEN e.airport IS NULL THEN 'wrong'
              WHEN l.lines > 1 THEN 'doubled'
              ELSE 'wrong' END AS kind
  FROM expected e FULL JOIN lines l ON e.airport = l.airport AND e.hour = l.hour
  WHERE l.airport IS NULL OR e.airport IS NULL OR l.lines > 1
     OR e.flights <> l.flights OR e.mean <> l.mean`;

async function readCount(connection: DuckDBConnection, sql: string): Promise<number> {
  const reader = await connection.runAndReadAll(sql);
  return Number(reader.getRows()[0]?.[0] ?? 0);
}

async function readExamples(connection: DuckDBConnection): Promise<readonly string[]> {
  const reader = await connection.runAndReadAll(
    "SELECT kind, airport, hour, lines, expected, committed FROM differing ORDER BY hour LIMIT 10",
  );
  return reader
    .getRows()
    .map(([kind, airport, hour, lines, expected, committed]) =>
      [
        `${String(kind)}: ${String(airport)} at ${new Date(Number(hour)).toISOString()}`,
        `${String(lines ?? 0)} lines, ${String(committed)} flights instead of ${String(expected)}`,
      ].join(", "),
    );
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
