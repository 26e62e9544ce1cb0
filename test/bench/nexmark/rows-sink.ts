import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { SinkConnector, SinkWriter } from "millrace";

import { countedRows, foldCounts, type BenchedQuery } from "./counted-rows.ts";

export interface RowsSinkOptions {
  readonly query: BenchedQuery;
  /** A folder for `sink-<subtask>.rows`. */
  readonly samples: string;
}

/**
 * Returns a sink that counts rows and keeps none. It writes the count with each checkpoint: the last one of a job
 * holds all. Counts do not come back after a restart.
 */
export function rowsSink(options: RowsSinkOptions): SinkConnector<unknown> {
  return {
    connector: "bench-rows",
    options: { ...options },
    guarantee: "at-least-once",
    createWriter: ({ subtaskIndex }) => createRowsWriter(options, subtaskIndex),
  };
}

function createRowsWriter(
  { query, samples }: RowsSinkOptions,
  subtaskIndex: number,
): SinkWriter<unknown> {
  mkdirSync(samples, { recursive: true });
  const path = join(samples, `sink-${subtaskIndex}.rows`);
  const counted = countedRows(query);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the rows are the query's own
  const of = counted.of as (row: unknown) => number;
  const isPlain = counted.of === countedRows("source").of;
  let count = 0;
  const write = (row: unknown): void => {
    count = foldCounts(counted, [count, of(row)]);
  };
  return {
    write: isPlain ? () => void (count += 1) : write,
    bufferedBytes: () => 0,
    flush: () => Promise.resolve(),
    prepare: () => {
      writeFileSync(`${path}.new`, `${count}\n`);
      renameSync(`${path}.new`, path);
      return Promise.resolve(undefined);
    },
    publish: () => Promise.resolve(),
    removeOrphans: () => Promise.resolve(),
  };
}
