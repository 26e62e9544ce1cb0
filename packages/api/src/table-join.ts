import type { JoinMode, UserFunction } from "@millrace/graph";

import type { ParallelismOptions } from "./data-stream.ts";
import { requireName } from "./graph-builder.ts";
import { once } from "./once.ts";
import type { Change, Table, TableSource } from "./table.ts";

/** Makes a table, so that modules form no cycle. */
type CreateTable = <V, K>(source: TableSource<V, K>) => Table<V, K>;

/**
 * Two tables row by row: a table again, whose rows are what the function makes of both. The verb says
 * for which keys there is one where only one of both has a row. A function that returns null or
 * undefined makes no row. It is called with the old rows too, to say what a change retracts, so it
 * must depend on nothing but them, and must not change them.
 */
export class TableJoin<Left, Right, K> {
  readonly #left: TableSource<Left, K>;
  readonly #right: TableSource<Right, K>;
  readonly #createTable: CreateTable;

  constructor(left: TableSource<Left, K>, right: TableSource<Right, K>, createTable: CreateTable) {
    this.#left = left;
    this.#right = right;
    this.#createTable = createTable;
  }

  inner<R>(
    name: string,
    join: (left: Left, right: Right) => R,
    options: ParallelismOptions = {},
  ): Table<NonNullable<R>, K> {
    return this.#add(name, { mode: "inner", join }, options);
  }

  left<R>(
    name: string,
    join: (left: Left, right: Right | undefined) => R,
    options: ParallelismOptions = {},
  ): Table<NonNullable<R>, K> {
    return this.#add(name, { mode: "left", join }, options);
  }

  right<R>(
    name: string,
    join: (left: Left | undefined, right: Right) => R,
    options: ParallelismOptions = {},
  ): Table<NonNullable<R>, K> {
    return this.#add(name, { mode: "right", join }, options);
  }

  /** At least one of both is there. */
  outer<R>(
    name: string,
    join: (left: Left | undefined, right: Right | undefined) => R,
    options: ParallelismOptions = {},
  ): Table<NonNullable<R>, K> {
    return this.#add(name, { mode: "outer", join }, options);
  }

  #add<R>(
    name: string,
    { mode, join }: { readonly mode: JoinMode; readonly join: UserFunction },
    { parallelism }: ParallelismOptions,
  ): Table<R, K> {
    requireName(name, "join");
    const { builder, createStream } = this.#left;
    const inputs = [this.#left.keyed(), this.#right.keyed()];
    const [left, right] = [this.#left.input, this.#right.input];
    const spec = { kind: "join", type: "tables", mode, left, right, join } as const;
    const id = builder.add(spec, { inputs, name, parallelism });
    const key = (change: Change<K, R>): K => change.key;
    return this.#createTable({
      builder,
      createStream,
      // The changes of a key come from one subtask, in their order, which their times may not follow.
      input: { valueOf: (change: Change<K, R>) => change.after, order: "arrival" },
      keyed: once(() => builder.add({ kind: "key-by", key }, { inputs: [id] })),
      changes: () => createStream(id),
    });
  }
}
