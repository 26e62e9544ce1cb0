import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { DuckDBInstance } from "@duckdb/node-api";

import { repository } from "./real-cluster.ts";

/** The input of the main job. */
export const flightsFile: string = join(
  repository,
  "packages/examples/node_modules/vega-datasets/data/flights-3m.parquet",
);

/** The main job, from the root of the repository. */
export const delaysModule = "packages/examples/src/departure-delays/departure-delays.ts";

export interface DelaysParams {
  /** Rows of the input that are read. */
  readonly limit: number;
  /** Rows a second. */
  readonly rate: number;
  /** A folder. */
  readonly out: string;
  readonly checkpointMs: number;
}

/** Returns what stands behind the module of the main job in a command that runs it at parallelism 2. */
export function delaysArgs(params: DelaysParams): readonly string[] {
  const given = Object.entries(params).flatMap(([name, value]) => ["--param", `${name}=${value}`]);
  return ["--parallelism", "2", ...given];
}

/**
 * Returns the rows that the departure-delays job must write, as text and sorted: computed by another
 * engine over the same file.
 */
export async function expectedHourlyDelays(rowLimit?: number): Promise<readonly string[]> {
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  const source = `read_parquet('${flightsFile}', file_row_number = true)`;
  const where = rowLimit === undefined ? "" : `WHERE file_row_number < ${rowLimit}`;
  const reader = await connection.runAndReadAll(`
    SELECT origin, CAST(epoch_ms(date_trunc('hour', date)) AS DOUBLE) AS hour,
           CAST(count(*) AS DOUBLE) AS flights, CAST(sum(delay) AS DOUBLE) AS minutes
    FROM ${source} ${where} GROUP BY ALL`);
  const rows = reader.getRows().map(([origin, hour, count, minutes]) =>
    toLine({
      airport: String(origin),
      hour: Number(hour),
      flights: Number(count),
      meanDelayMinutes: Number(minutes) / Number(count),
    }),
  );
  connection.closeSync();
  instance.closeSync();
  return rows.toSorted();
}

/** Returns the rows of all committed files of a job's output folder, as text and sorted. */
export async function readHourlyDelays(folder: string): Promise<readonly string[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".jsonl"));
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8")));
  return texts
    .flatMap((text) => text.split("\n").filter((line) => line !== ""))
    .map((line) => {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the comparison checks it
      return toLine(JSON.parse(line) as HourlyDelay);
    })
    .toSorted();
}

interface HourlyDelay {
  readonly airport: string;
  readonly hour: number;
  readonly flights: number;
  readonly meanDelayMinutes: number;
}

function toLine({ airport, hour, flights: count, meanDelayMinutes }: HourlyDelay): string {
  return `${airport} ${hour} ${count} ${meanDelayMinutes}`;
}
