import type { Cell, CellTable } from "./cell.ts";
import type { ValueState } from "./contract.ts";
import type { HeapBackend } from "./heap-backend.ts";

/**
 * The handle of a plain state, and the cell that `cellForUpdate` hands out: one object for all keys,
 * so that its callers see one shape whatever holds the value.
 */
export class HeapValueState implements ValueState<unknown> {
  readonly #backend: HeapBackend;
  readonly #table: CellTable;
  /** Of the key that was current at the last call. */
  #cell: Cell | undefined;

  constructor(backend: HeapBackend, table: CellTable) {
    this.#backend = backend;
    this.#table = table;
  }

  get(): unknown {
    this.#seek();
    return this.value;
  }

  set(value: unknown): void {
    this.cellForUpdate();
    this.value = value;
  }

  clear(): void {
    this.#seek();
    if (this.value === undefined) return;
    this.#touch();
    this.value = undefined;
  }

  cellForUpdate(): { value: unknown } {
    this.#seek();
    this.#touch();
    return this;
  }

  /** Of the key that was looked for last. */
  get value(): unknown {
    return this.#cell?.value;
  }

  set value(value: unknown) {
    const backend = this.#backend;
    if (this.#cell === undefined) {
      if (value === undefined) return;
      this.#cell = backend.cellForUpdate(this.#table);
    }
    backend.assign(this.#cell, value);
  }

  #seek(): void {
    const { currentGroup, currentIdentity } = this.#backend;
    this.#cell = this.#table.find(currentGroup, currentIdentity);
  }

  #touch(): void {
    if (this.#cell !== undefined) this.#backend.touch(this.#cell);
  }
}
