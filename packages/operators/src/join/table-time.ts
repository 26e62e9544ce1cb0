import type { KeyedBackend, TimerState } from "@millrace/state";

import type { OperatorContext } from "../operator.ts";
import type { TableRows } from "./table-rows.ts";

/**
 * How far event time is in an operator over tables, and what that lets its tables forget.
 *
 * I1 The only timers are those of deletions; one that has fired leaves nothing of its deletion.
 */
export class TableTime {
  readonly #keyed: KeyedBackend;
  readonly #timers: TimerState;
  readonly #tables: readonly TableRows[];
  readonly #restoredMs: () => number;
  /** NaN until it is known: what is restored is complete with the first call of an attempt. */
  #watermarkMs: number = Number.NaN;

  constructor(
    keyed: KeyedBackend,
    { currentWatermarkMs }: OperatorContext,
    tables: readonly TableRows[],
  ) {
    this.#keyed = keyed;
    this.#timers = keyed.timers();
    this.#tables = tables;
    this.#restoredMs = currentWatermarkMs;
  }

  /** The last watermark that was fired whole. */
  get watermarkMs(): number {
    if (Number.isNaN(this.#watermarkMs)) this.#watermarkMs = this.#restoredMs();
    return this.#watermarkMs;
  }

  advance(watermarkMs: number, shouldPause: () => boolean): boolean {
    while (this.#timers.nextTimeMs() <= watermarkMs) {
      if (shouldPause()) return false;
      const due = this.#timers.popDue(watermarkMs);
      if (due === undefined) break;
      this.#keyed.setCurrentKey(due.key, due.hash);
      for (const table of this.#tables) table.forgetDeletion(due.timeMs);
    }
    this.#watermarkMs = Math.max(this.watermarkMs, watermarkMs);
    return true;
  }
}
