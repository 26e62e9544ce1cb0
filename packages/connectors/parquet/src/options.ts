import { StreamError, type JsonValue } from "@millrace/core";

/** Options of `parquet`. */
export interface ParquetOptions {
  /** A file, or a folder whose `.parquet` files are read in the order of their names. */
  readonly path: string;
  /** The columns to read, default all; columns that are lists, maps or structs cannot be read. */
  readonly columns?: readonly string[];
  /** How INT64 arrives; default `number`, which fails on values that a number cannot hold. */
  readonly int64?: "number" | "bigint";
  /**
   * The column that holds the event time (a timestamp, or epoch milliseconds). Its statistics order
   * the splits and hold the watermark for those that are not read yet.
   */
  readonly timestampColumn?: string;
  /** Only the first rows, counted in the order of the splits; default all. */
  readonly maxRows?: number;
}

/** The options with their defaults; absent columns mean all. */
export interface ParsedParquetOptions {
  readonly path: string;
  readonly columns?: readonly string[];
  readonly int64: "number" | "bigint";
  readonly timestampColumn?: string;
  readonly maxRows?: number;
}

/** Returns the options with defaults; throws `invalid-argument`. */
export function parseParquetOptions(options: ParquetOptions): ParsedParquetOptions {
  const { path, columns, int64 = "number", timestampColumn, maxRows } = options;
  if (typeof path !== "string" || path === "") {
    throw invalid(`path is ${JSON.stringify(path)}: give the path of a file or folder`);
  }
  if (int64 !== "number" && int64 !== "bigint") {
    throw invalid(`int64 is ${JSON.stringify(int64)}: give "number" or "bigint"`);
  }
  if (columns?.length === 0) throw invalid("columns is empty: name at least one column");
  if (maxRows !== undefined && !(Number.isSafeInteger(maxRows) && maxRows > 0)) {
    throw invalid(`maxRows is ${maxRows}: give a positive integer`);
  }
  return {
    path,
    int64,
    ...(columns === undefined ? {} : { columns }),
    ...(timestampColumn === undefined ? {} : { timestampColumn }),
    ...(maxRows === undefined ? {} : { maxRows }),
  };
}

/** Returns what the plan says of the options; the path is absolute. */
export function planOptions(options: ParsedParquetOptions, path: string): JsonValue {
  return { ...options, path };
}

function invalid(message: string): StreamError {
  return new StreamError("invalid-argument", `parquet: ${message}`, {
    domain: "user",
    retry: "never",
  });
}
