import type { CellTable } from "./cell.ts";
import type { ValueState } from "./contract.ts";
import { ExpirySweep } from "./expiry-sweep.ts";
import type { HeapBackend } from "./heap-backend.ts";
import { HeapValueState } from "./heap-value-state.ts";
import { isExpired, laterStamp, stampedOf, type Stamped, type TimeToLive } from "./time-to-live.ts";

/**
 * A plain state with a time to live, over one whose values carry their stamps.
 *
 * I1 What is expired is not handed out, whether it is still there or not.
 */
export class ExpiringValueState implements ValueState<unknown> {
  readonly #backend: HeapBackend;
  readonly #table: CellTable;
  readonly #inner: HeapValueState;
  readonly #ttl: TimeToLive;
  readonly #sweep: ExpirySweep;
  /** Of the current key, from `cellForUpdate` on. */
  #cell: { value: unknown } | undefined;

  constructor(backend: HeapBackend, table: CellTable, ttl: TimeToLive) {
    this.#backend = backend;
    this.#table = table;
    this.#inner = new HeapValueState(backend, table);
    this.#ttl = ttl;
    this.#sweep = new ExpirySweep(backend, table, ttl);
  }

  get(): unknown {
    const stamped = this.#alive(stampedOf(this.#inner.get()));
    if (stamped === undefined) return undefined;
    if (this.#ttl.refreshesOnRead) this.#refresh(stamped);
    return stamped.value;
  }

  set(value: unknown): void {
    this.cellForUpdate();
    this.value = value;
  }

  clear(): void {
    this.#inner.clear();
  }

  cellForUpdate(): { value: unknown } {
    this.#sweep.step();
    this.#cell = this.#inner.cellForUpdate();
    const stamped = stampedOf(this.#cell.value);
    // Whoever asks for the cell may change its value in place.
    if (this.#alive(stamped) !== undefined) this.#stamp(stamped);
    return this;
  }

  /** Of the key that was current at `cellForUpdate`. */
  get value(): unknown {
    return this.#alive(stampedOf(this.#cell?.value))?.value;
  }

  set value(value: unknown) {
    const cell = this.#cell;
    if (cell === undefined) return;
    const stamped = stampedOf(cell.value);
    if (value === undefined) cell.value = undefined;
    else if (stamped === undefined) cell.value = this.#firstOf(value);
    else {
      this.#stamp(stamped);
      stamped.value = value;
    }
  }

  /** Returns what the cell of a key holds that has no value, or had one that was cleared. */
  #firstOf(value: unknown): Stamped {
    const { currentGroup, currentIdentity } = this.#backend;
    const mayComeBack = this.#table.find(currentGroup, currentIdentity) !== undefined;
    return { stampMs: this.#ttl.nowMs(), value, mayComeBack };
  }

  #refresh(stamped: Stamped): void {
    const stampMs = laterStamp(stamped.stampMs, this.#ttl.nowMs());
    if (stampMs === stamped.stampMs) return;
    this.#inner.cellForUpdate();
    stamped.stampMs = stampMs;
  }

  #stamp(stamped: Stamped | undefined): void {
    if (stamped !== undefined) stamped.stampMs = laterStamp(stamped.stampMs, this.#ttl.nowMs());
  }

  #alive(stamped: Stamped | undefined): Stamped | undefined {
    if (stamped === undefined) return undefined;
    const { nowMs, cellsByMs = nowMs } = this.#ttl;
    return isExpired(stamped, cellsByMs(), this.#ttl) ? undefined : stamped;
  }
}
