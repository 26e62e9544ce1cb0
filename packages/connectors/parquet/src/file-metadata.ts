import { StreamError, type LocalDisk } from "@millrace/core";
import { parquetMetadataAsync, type ColumnMetaData, type FileMetaData } from "hyparquet";

import { isPlainColumn } from "./codec.ts";

/** A Parquet file's footer and size. */
export interface ParquetFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly metadata: FileMetaData;
}

/** Returns the Parquet files at a path, by name; throws `input-not-found`, `input-unreadable`. */
export async function findParquetFiles(disk: LocalDisk, path: string): Promise<readonly string[]> {
  const stat = await guard(path, () => disk.stat(path));
  if (stat === undefined) {
    throw new StreamError(
      "input-not-found",
      `there is no file or folder ${path}: correct the path of parquet (a relative path resolves where the job is submitted)`,
      { domain: "user", retry: "never" },
    );
  }
  if (!stat.isFolder) return [path];
  const names = await guard(path, () => disk.list(path));
  const found = names.filter((name) => name.endsWith(".parquet"));
  if (found.length === 0) throw unreadable(path, "the folder has no .parquet file; name another");
  return found.map((name) => `${path}/${name}`);
}

/** Returns the file's footer; throws `input-unreadable`. */
export async function readParquetFile(disk: LocalDisk, path: string): Promise<ParquetFile> {
  const stat = await guard(path, () => disk.stat(path));
  if (stat === undefined) throw unreadable(path, "the file is gone; put it back");
  const { sizeBytes } = stat;
  if (sizeBytes < 12) throw unreadable(path, "it is too short for a Parquet file");
  const slice = async (from: number, to: number = sizeBytes): Promise<ArrayBuffer> => {
    const bytes = await disk.readRange(path, { offset: from, length: to - from });
    return Uint8Array.from(bytes).buffer;
  };
  const metadata = await guard(path, () => parquetMetadataAsync({ byteLength: sizeBytes, slice }));
  return { path, sizeBytes, metadata };
}

/** Returns the chosen columns of a row group in the order chosen; throws `input-unreadable`. */
export function chooseColumns(
  file: ParquetFile,
  rowGroup: number,
  names: readonly string[] | undefined,
): readonly ColumnMetaData[] {
  const all = (file.metadata.row_groups[rowGroup]?.columns ?? []).flatMap(({ meta_data }) =>
    meta_data === undefined ? [] : [meta_data],
  );
  const nameOf = (column: ColumnMetaData): string => column.path_in_schema.join(".");
  const chosen = (names ?? all.map(nameOf)).map((name) => {
    const column = all.find((candidate) => nameOf(candidate) === name);
    if (column !== undefined) return column;
    throw unreadable(file.path, `it has no column ${name}; it has ${all.map(nameOf).join(", ")}`);
  });
  const nested = chosen.find((column) => !isPlainColumn(file.metadata, column));
  if (nested === undefined) return chosen;
  throw unreadable(
    file.path,
    `column ${nameOf(nested)} is a list, map or struct; name the plain ones with columns: [...]`,
  );
}

/** Returns the bytes of a column chunk; throws `input-unreadable`. */
export async function readColumnBytes(
  disk: LocalDisk,
  file: ParquetFile,
  column: ColumnMetaData,
): Promise<Uint8Array<ArrayBuffer>> {
  const dictionaryAt = Number(column.dictionary_page_offset ?? 0n);
  const dataAt = Number(column.data_page_offset);
  // Some writers name no dictionary, or one at 0.
  const offset = dictionaryAt > 0 && dictionaryAt < dataAt ? dictionaryAt : dataAt;
  const length = Number(column.total_compressed_size);
  const bytes = await guard(file.path, () => disk.readRange(file.path, { offset, length }));
  if (bytes.length < length) throw unreadable(file.path, "it ends in the middle of a row group");
  return Uint8Array.from(bytes);
}

/** Returns the earliest event time of a row group by its statistics, or undefined if unknown. */
export function lowerBoundOf(
  file: ParquetFile,
  rowGroup: number,
  timestampColumn: string | undefined,
): number | undefined {
  if (timestampColumn === undefined) return undefined;
  const [column] = chooseColumns(file, rowGroup, [timestampColumn]);
  const minimum = column?.statistics?.min_value ?? column?.statistics?.min;
  if (minimum instanceof Date) return minimum.getTime();
  if (typeof minimum === "bigint" || typeof minimum === "number") return Number(minimum);
  return undefined;
}

/** Returns what the action returns; a failure becomes `input-unreadable` naming the path. */
async function guard<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (StreamError.is(error, "input-unreadable")) throw error;
    throw unreadable(path, error instanceof Error ? error.message : String(error), error);
  }
}

/** Returns an `input-unreadable` error that names the path. */
export function unreadable(path: string, reason: string, cause?: unknown): StreamError {
  return new StreamError(
    "input-unreadable",
    `cannot read ${path}: ${reason}; check that it is a whole Parquet file that this user may read`,
    { domain: "user", retry: "never", cause },
  );
}
