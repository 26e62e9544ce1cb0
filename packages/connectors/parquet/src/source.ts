import { assert, sleep, type JsonValue } from "@millrace/core";
import {
  resolvePath,
  type ConnectorContext,
  type SourceBatch,
  type SourceFactory,
  type SourceReader,
  type SplitDescriptor,
  type SplitHandle,
} from "@millrace/graph";

import { compileBuildRecord, type BuildRecord } from "./build-record.ts";
import { ColumnCursor } from "./codec.ts";
import {
  chooseColumns,
  findParquetFiles,
  lowerBoundOf,
  readColumnBytes,
  readParquetFile,
  unreadable,
  type ParquetFile,
} from "./file-metadata.ts";
import {
  parseParquetOptions,
  planOptions,
  type ParquetOptions,
  type ParsedParquetOptions,
} from "./options.ts";

/*
 * Reads the rows of Parquet files. A split is a row group, a position a row index in it. Columns are
 * decoded a page a turn and then a batch at a time, so that the slot's thread stays responsive.
 */

const batchRows = 2_048;

/**
 * Returns a replayable source of the rows of a Parquet file, or of the `.parquet` files of a folder,
 * as plain objects: INT64 as number, TIMESTAMP and DATE as Date, strings decoded, nulls as null.
 * Throws `input-not-found`, `input-unreadable`, and `decode-failed` naming the field of a value that
 * a number cannot hold.
 */
export function parquet<T>(options: ParquetOptions): SourceFactory<T> {
  const parsed = parseParquetOptions(options);
  return {
    createSource: ({ baseDirectory }) => {
      const path = resolvePath(baseDirectory, parsed.path);
      return {
        connector: "parquet",
        options: planOptions(parsed, path),
        canReplay: true,
        discover: (context) => discoverSplits(context, path, parsed),
        createReader: (context) => createReader<T>(context, parsed),
      };
    },
  };
}

interface RowGroupSplit {
  readonly path: string;
  readonly rowGroup: number;
  readonly rowCount: number;
  readonly fileBytes: number;
}

async function discoverSplits(
  context: ConnectorContext,
  path: string,
  options: ParsedParquetOptions,
): Promise<readonly SplitDescriptor[]> {
  const splits: RowGroup[] = [];
  for (const found of await findParquetFiles(context.disk, path)) {
    const file = await readParquetFile(context.disk, found);
    for (const [rowGroup, { num_rows }] of file.metadata.row_groups.entries()) {
      chooseColumns(file, rowGroup, options.columns);
      const rowCount = Number(num_rows);
      const lowerBoundMs = lowerBoundOf(file, rowGroup, options.timestampColumn);
      splits.push({
        range: { path: found, rowGroup, rowCount, fileBytes: file.sizeBytes },
        lowerBoundMs,
      });
    }
  }
  // Earliest first, where that is known; the sort is stable.
  splits.sort((a, b) => (a.lowerBoundMs ?? -Infinity) - (b.lowerBoundMs ?? -Infinity));
  return limitRows(splits, options.maxRows ?? Infinity).map(({ range, lowerBoundMs }) => ({
    id: `${range.path.slice(range.path.lastIndexOf("/") + 1)}#${range.rowGroup}`,
    descriptor: { ...range },
    ...(lowerBoundMs === undefined ? {} : { lowerBoundMs }),
  }));
}

interface RowGroup {
  readonly range: RowGroupSplit;
  readonly lowerBoundMs: number | undefined;
}

function limitRows(splits: readonly RowGroup[], maxRows: number): readonly RowGroup[] {
  let left = maxRows;
  return splits.flatMap(({ range, lowerBoundMs }) => {
    const rowCount = Math.min(range.rowCount, left);
    left -= rowCount;
    return rowCount === 0 ? [] : [{ range: { ...range, rowCount }, lowerBoundMs }];
  });
}

function createReader<T>(
  context: ConnectorContext,
  options: ParsedParquetOptions,
): SourceReader<T> {
  // The footer is parsed once per file, not once per row group.
  let current: ParquetFile | undefined;
  return {
    open: async (split, position) => {
      const range = parseRowGroupSplit(split.descriptor);
      if (current?.path !== range.path) {
        current = await readParquetFile(context.disk, range.path);
      }
      if (current.sizeBytes !== range.fileBytes) {
        throw unreadable(
          range.path,
          "it changed since the job started; restore the file as it was",
        );
      }
      const cursors = await openColumns(context, current, { range, options });
      const handle = new RowGroupHandle<T>(context, range, cursors);
      await handle.skipTo(parsePosition(position));
      return handle;
    },
  };
}

async function openColumns(
  context: ConnectorContext,
  file: ParquetFile,
  what: { readonly range: RowGroupSplit; readonly options: ParsedParquetOptions },
): Promise<readonly ColumnCursor[]> {
  const { range, options } = what;
  const cursors: ColumnCursor[] = [];
  for (const column of chooseColumns(file, range.rowGroup, options.columns)) {
    const bytes = await readColumnBytes(context.disk, file, column);
    const { metadata, path } = file;
    cursors.push(new ColumnCursor(bytes, { metadata, column, int64: options.int64, path }));
  }
  return cursors;
}

class RowGroupHandle<T> implements SplitHandle<T> {
  readonly #context: ConnectorContext;
  readonly #range: RowGroupSplit;
  readonly #cursors: readonly ColumnCursor[];
  readonly #values: readonly unknown[][];
  readonly #buildRecord: BuildRecord<T>;
  #row = 0;

  constructor(context: ConnectorContext, range: RowGroupSplit, cursors: readonly ColumnCursor[]) {
    this.#context = context;
    this.#range = range;
    this.#cursors = cursors;
    this.#values = cursors.map(() => []);
    this.#buildRecord = compileBuildRecord(cursors.map(({ name }) => name));
  }

  async nextBatch(): Promise<SourceBatch<T> | undefined> {
    const first = this.#row;
    const count = await this.#advance(batchRows);
    if (count === 0) return undefined;
    const records: T[] = [];
    for (let row = 0; row < count; row += 1) records.push(this.#buildRecord(this.#values, row));
    return { records, positionAt: (index) => first + index };
  }

  async skipTo(row: number): Promise<void> {
    while (this.#row < row) {
      // Skipped in pieces too: a restore must not hold the thread.
      const count = await this.#advance(Math.min(batchRows * 8, row - this.#row));
      if (count === 0) return;
      await sleep(this.#context.clock, 0);
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #advance(limit: number): Promise<number> {
    let count = Math.min(limit, this.#range.rowCount - this.#row);
    if (count === 0) return 0;
    for (const cursor of this.#cursors) {
      while (cursor.ready === 0) {
        cursor.step();
        await sleep(this.#context.clock, 0);
      }
      count = Math.min(count, cursor.ready);
    }
    for (const [index, cursor] of this.#cursors.entries()) {
      cursor.take(this.#values[index] ?? [], count);
    }
    this.#row += count;
    return count;
  }
}

function parseRowGroupSplit(descriptor: JsonValue): RowGroupSplit {
  assert(
    typeof descriptor === "object" && descriptor !== null && "rowGroup" in descriptor,
    "a split of parquet is not an object",
  );
  const { path, rowGroup, rowCount, fileBytes } = descriptor;
  assert(
    typeof path === "string" &&
      typeof rowGroup === "number" &&
      typeof rowCount === "number" &&
      typeof fileBytes === "number",
    "a split of parquet names no row group",
  );
  return { path, rowGroup, rowCount, fileBytes };
}

function parsePosition(position: JsonValue | undefined): number {
  assert(position === undefined || typeof position === "number", "a position is not a row index");
  return position ?? 0;
}
