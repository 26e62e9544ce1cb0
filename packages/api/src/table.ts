import { invalidJob, type TableInput, type TableOrder } from "@millrace/graph";

import type { CreateStream, DataStream } from "./data-stream.ts";
import { requireName, type GraphBuilder } from "./graph-builder.ts";
import { once } from "./once.ts";
import { TableJoin } from "./table-join.ts";

/** How a table changed; null where there was or is no row. */
export interface Change<K, V> {
  readonly key: K;
  readonly before: V | null;
  readonly after: V | null;
}

export interface TableOptions {
  /**
   * Which record of a key makes its row: `event-time`, the default: the one with the greatest event
   * time, so that the rows do not depend on the order of arrival (but for equal times, where the
   * last one to come counts); `arrival`: the one that came last.
   */
  readonly order?: TableOrder;
}

/** Where a table comes from. */
export interface TableSource<V, K> {
  readonly builder: GraphBuilder;
  readonly createStream: CreateStream;
  readonly input: TableInput;
  /** Returns the key-by node whose records make the rows. */
  readonly keyed: () => number;
  /** Returns the stream of changes; adds an operator only when it is first asked for. */
  readonly changes: () => DataStream<Change<K, V>>;
}

/**
 * The latest row of each key (Kafka Streams' KTable): a record inserts or updates its key's row, or
 * deletes it. The rows are kept by the operators that read the table, for as long as they are not
 * deleted; a table that nothing reads costs nothing.
 */
export class Table<V, K> {
  /** Only the API itself uses it. */
  readonly source: TableSource<V, K>;

  constructor(source: TableSource<V, K>) {
    this.source = source;
  }

  /** The rows that the function makes of this table's; one call for each change. */
  mapValues<R>(map: (value: V) => R): Table<NonNullable<R>, K> {
    return this.#derive<NonNullable<R>>((value) => map(value) ?? null);
  }

  /** The rows for which the function is true; for all others there is none. */
  filter(filter: (value: V) => boolean): Table<V, K> {
    return this.#derive<V>((value) => (filter(value) ? value : null));
  }

  /** Two tables that are to be joined row by row; this one is the left one. */
  join<U>(right: Table<U, K>): TableJoin<V, U, K> {
    if (right.source.builder !== this.source.builder) {
      throw invalidJob("join: the second table belongs to another job");
    }
    return new TableJoin(this.source, right.source, (source) => new Table(source));
  }

  /**
   * Each change of a row as it happens, in the order of its key, with what it was before (its
   * retraction) and what it is; with the event time of the record that made it. A deletion of
   * what was not there is no change.
   */
  toStream(): DataStream<Change<K, V>> {
    return this.source.changes();
  }

  #derive<R>(map: (value: V) => R | null): Table<R, K> {
    const { input, changes } = this.source;
    const mapRow = (row: V | null): R | null => (row === null ? null : map(row));
    return new Table<R, K>({
      ...this.source,
      input: { ...input, valueOf: (record) => mapRow(valueIn<V>(input, record)) },
      changes: once(() =>
        changes().flatMap(({ key, before, after }): readonly Change<K, R>[] => {
          const change = { key, before: mapRow(before), after: mapRow(after) };
          return change.before === null && change.after === null ? [] : [change];
        }),
      ),
    });
  }
}

/** Returns the table that keyed records make. */
export function createTable<V, K>(
  place: { readonly builder: GraphBuilder; readonly createStream: CreateStream },
  inputId: number,
  { name, ...input }: TableInput & { readonly name: string },
): Table<V, K> {
  requireName(name, "table");
  const { builder, createStream } = place;
  return new Table({
    ...place,
    input,
    keyed: () => inputId,
    changes: once(() =>
      createStream(builder.add({ kind: "table", ...input }, { inputs: [inputId], name })),
    ),
  });
}

function valueIn<V>({ valueOf }: TableInput, record: unknown): V | null {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of the table's rows, types erased
  return (valueOf(record) ?? null) as V | null;
}
