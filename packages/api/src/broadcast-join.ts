import type { BroadcastProcessSpec, UserFunction } from "@millrace/graph";

import type { DataStream, ParallelismOptions } from "./data-stream.ts";
import { requireName } from "./graph-builder.ts";
import type { JoinPlace } from "./join-place.ts";
import type { BroadcastKey } from "./plain-process.ts";
import type { Change } from "./table.ts";

/** The broadcast state of the join: the table's rows by key. */
const rowsName = "rows";

/** The rows as the join's functions see them. */
interface Rows {
  get(key: unknown): unknown;
  set(key: unknown, row: unknown): void;
  delete(key: unknown): void;
}

interface RowsContext {
  readonly broadcastState: { readonly [rowsName]: Rows };
  emit(value: unknown): void;
}

/**
 * A stream beside a small table that each subtask keeps whole: the stream needs no key, and its records
 * stay where they are. Each comes out once at most, with its own event time. `inner` drops records
 * without a row; `left` gives them undefined.
 */
export class BroadcastJoin<T, V> {
  readonly #place: JoinPlace;
  readonly #key: UserFunction<BroadcastKey>;
  /** Only types use it. */
  declare protected readonly types: readonly [T, V];

  /** The second input is the broadcast of the table's changes. */
  constructor(place: JoinPlace, key: UserFunction<BroadcastKey>) {
    this.#place = place;
    this.#key = key;
  }

  inner<R>(
    name: string,
    join: (record: T, row: V) => R,
    options: ParallelismOptions = {},
  ): DataStream<R> {
    return this.#add(name, { isInner: true, join }, options);
  }

  left<R>(
    name: string,
    join: (record: T, row: V | undefined) => R,
    options: ParallelismOptions = {},
  ): DataStream<R> {
    return this.#add(name, { isInner: false, join }, options);
  }

  #add<R>(
    name: string,
    { isInner, join }: { readonly isInner: boolean; readonly join: UserFunction<R> },
    { parallelism }: ParallelismOptions,
  ): DataStream<R> {
    requireName(name, "join");
    const { builder, inputs, createStream } = this.#place;
    const key = this.#key;
    const spec: BroadcastProcessSpec = {
      kind: "broadcast-process",
      broadcastState: [rowsName],
      onBroadcast: applyChange,
      onRecord(record: unknown, context: RowsContext) {
        const row = context.broadcastState[rowsName].get(key(record));
        if (row === undefined && isInner) return;
        context.emit(join(record, row));
      },
    };
    return createStream(builder.add(spec, { inputs, name, parallelism }));
  }
}

/** The changes of a key come from one subtask, in their order: all subtasks get to the same row. */
function applyChange({ key, after }: Change<unknown, unknown>, context: RowsContext): void {
  const rows = context.broadcastState[rowsName];
  if (after === null) rows.delete(key);
  else rows.set(key, after);
}
