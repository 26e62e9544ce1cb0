import { DuckDBInstance } from "@duckdb/node-api";

/** How the rows of all loops lie in the splits of `repeatedFlights`. */
export interface InputLayout {
  readonly rowsOfFile: number;
  readonly splitsOfFile: number;
  /** Returns the number of the split's first row among all rows; beyond a loop too. */
  firstRow(split: number): number;
  /**
   * Returns how many rows lie behind the readers, from the text that a recovery logs: those of the
   * splits before the last open one that are not open themselves, and of open ones what was read.
   */
  rowsBehind(sourcePositions: string): number;
}

interface Part {
  readonly firstRow: number;
  /** Of the row group. */
  readonly from: number;
}

/** Returns the layout of a file that is read in splits of so many rows. */
export async function readInputLayout(
  flightsFile: string,
  splitRows: number,
): Promise<InputLayout> {
  return layOut(await readGroupSizes(flightsFile), splitRows);
}

/** Returns the layout of row groups of these sizes. */
export function layOut(groupSizes: readonly number[], splitRows: number): InputLayout {
  const parts: Part[] = [];
  let rowsOfFile = 0;
  for (const size of groupSizes) {
    for (let from = 0; from < size; from += splitRows) {
      parts.push({ firstRow: rowsOfFile + from, from });
    }
    rowsOfFile += size;
  }
  const partOf = (split: number): Part => parts[split % parts.length] ?? { firstRow: 0, from: 0 };
  const firstRow = (split: number): number =>
    Math.floor(split / parts.length) * rowsOfFile + partOf(split).firstRow;
  return {
    rowsOfFile,
    splitsOfFile: parts.length,
    firstRow,
    rowsBehind: (sourcePositions) => {
      const open = [...sourcePositions.matchAll(/split (\d+) at (\d+)?/g)].map(
        ([, split, row]) => ({ split: Number(split), row: Number(row ?? 0) }),
      );
      if (open.length === 0) return 0;
      const last = Math.max(...open.map(({ split }) => split));
      let rows = firstRow(last);
      for (const { split, row } of open) {
        if (split !== last) rows -= firstRow(split + 1) - firstRow(split);
        rows += Math.max(0, row - partOf(split).from);
      }
      return rows;
    },
  };
}

async function readGroupSizes(flightsFile: string): Promise<readonly number[]> {
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  const reader = await connection.runAndReadAll(`
    SELECT DISTINCT row_group_id, row_group_num_rows
    FROM parquet_metadata('${flightsFile}') ORDER BY row_group_id`);
  const sizes = reader.getRows().map(([, rows]) => Number(rows));
  connection.closeSync();
  instance.closeSync();
  return sizes;
}
