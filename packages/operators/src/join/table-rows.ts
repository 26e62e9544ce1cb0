import type { TableInput } from "@millrace/graph";
import type { TimerState, ValueState } from "@millrace/state";

/** A key's row, or that it was deleted, and since when. */
export interface Row {
  readonly at: number;
  /** Null where the row was deleted. */
  readonly value: unknown;
}

/** What became of a record: the row is now the record's, or an earlier record came later. */
export type Upsert = "applied" | "outdated" | "late";

/**
 * The rows of a table by key, as its records make them.
 *
 * I1 By event time, the row is that of the record with the greatest time, in whatever order they
 *    come: a deletion is remembered until the watermark has passed it. After that a record at or
 *    before the watermark for a key without a row is late: it may be older than the deletion.
 * I2 By arrival, each record makes the row, and a deletion leaves nothing.
 */
export class TableRows {
  readonly #input: TableInput;
  readonly #state: ValueState<Row>;
  readonly #timers: TimerState;

  constructor(input: TableInput, state: ValueState<Row>, timers: TimerState) {
    this.#input = input;
    this.#state = state;
    this.#timers = timers;
  }

  /** Returns the current key's row; undefined if there is none. */
  get(): Row | undefined {
    const row = this.#state.get();
    return row === undefined || row.value === null ? undefined : row;
  }

  /** Returns what a record says the row is; null if it deletes it. */
  valueOf(record: unknown): unknown {
    return this.#input.valueOf(record) ?? null;
  }

  /** Returns what becomes of a record of the current key, before it does. */
  judge(timeMs: number, watermarkMs: number): Upsert {
    if (this.#input.order === "arrival") return "applied";
    const row = this.#state.get();
    if (row !== undefined) return timeMs < row.at ? "outdated" : "applied";
    // Without event time nothing is late.
    return timeMs <= watermarkMs && timeMs > -Infinity ? "late" : "applied";
  }

  /** Makes it the current key's row. */
  apply(value: unknown, timeMs: number, watermarkMs: number): void {
    if (value !== null) {
      this.#state.set({ at: timeMs, value });
    } else if (this.#input.order === "event-time" && timeMs > watermarkMs) {
      this.#state.set({ at: timeMs, value: null });
      this.#timers.register(timeMs);
    } else {
      this.#state.clear();
    }
  }

  /** Forgets that the current key's row was deleted, if the watermark has passed that. */
  forgetDeletion(watermarkMs: number): void {
    const row = this.#state.get();
    if (row !== undefined && row.value === null && row.at <= watermarkMs) this.#state.clear();
  }
}
