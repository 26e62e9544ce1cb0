import type { Cell, CellTable } from "./cell.ts";
import type { ValueState } from "./contract.ts";
import { noEntry, type Chunk } from "./entry-arena.ts";
import type { HeapBackend } from "./heap-backend.ts";
import { dirtyEpochIn, isRemovedIn, setValueIn, valueIn } from "./number-entry.ts";
import type { NumberGroup } from "./number-group.ts";

/**
 * The handle of a plain state, and the cell that `cellForUpdate` hands out: one object for all keys,
 * so that its callers see one shape whatever holds the value.
 *
 * I1 A key whose value is a number is in the table's numbers, if it is a string or a number itself;
 *    every other key has a cell. A key that ever got another value keeps its cell until it is gone.
 * I2 A key is looked up once while it is current: nothing else changes the table meanwhile.
 */
export class HeapValueState implements ValueState<unknown> {
  readonly #backend: HeapBackend;
  readonly #table: CellTable;
  /** Of the key that was current at the last call: its entry in `#numbers`, or else its cell. */
  #entry: number = noEntry;
  #keyTurn = -1;
  #chunk: Chunk | undefined;
  #numbers: NumberGroup | undefined;
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
    const chunk = this.#chunk;
    return chunk === undefined ? this.#cell?.value : valueIn(chunk, this.#entry);
  }

  set value(value: unknown) {
    const chunk = this.#chunk;
    if (typeof value !== "number") this.#setOther(value);
    else if (chunk === undefined || isRemovedIn(chunk, this.#entry)) this.#setFirst(value);
    else setValueIn(chunk, this.#entry, value);
  }

  #seek(): void {
    const backend = this.#backend;
    if (backend.keyTurn === this.#keyTurn) return;
    this.#keyTurn = backend.keyTurn;
    const { currentGroup } = backend;
    const numbers = this.#table.numbers?.groupOf(currentGroup);
    this.#numbers = numbers;
    this.#chunk = undefined;
    this.#entry = noEntry;
    this.#cell = undefined;
    if (numbers !== undefined) {
      this.#entry = numbers.find(backend.currentKey(), backend.currentHash);
      if (this.#entry !== noEntry) {
        this.#chunk = numbers.chunkOf(this.#entry);
        return;
      }
    }
    this.#cell = this.#table.find(currentGroup, backend.currentIdentity);
  }

  #touch(): void {
    const chunk = this.#chunk;
    const numbers = this.#numbers;
    if (chunk === undefined || numbers === undefined) {
      if (this.#cell !== undefined) this.#backend.touch(this.#cell);
    } else if (dirtyEpochIn(chunk, this.#entry) !== this.#backend.epoch) {
      this.#backend.touchNumber(this.#table, numbers, this.#entry);
    }
  }

  /** Sets a number where there is none: the key has a cell, a tombstone, or nothing. */
  #setFirst(value: number): void {
    const backend = this.#backend;
    if (this.#entry === noEntry && this.#cell === undefined) {
      this.#numbers = backend.numbersForUpdate(this.#table);
      if (this.#numbers !== undefined) this.#entry = backend.addNumber(this.#numbers);
    }
    if (this.#entry === noEntry || this.#numbers === undefined) {
      this.#setOther(value);
      return;
    }
    backend.count(this.#numbers.keyGroup, this.#numbers.setValue(this.#entry, value));
    this.#chunk = this.#numbers.chunkOf(this.#entry);
  }

  #setOther(value: unknown): void {
    const backend = this.#backend;
    const numbers = this.#numbers;
    if (this.#entry !== noEntry && numbers !== undefined) {
      if (value === undefined) {
        backend.count(numbers.keyGroup, numbers.remove(this.#entry));
        return;
      }
      this.#cell = backend.moveToCell(this.#table, numbers, this.#entry);
      this.#entry = noEntry;
      this.#chunk = undefined;
    }
    if (this.#cell === undefined) {
      if (value === undefined) return;
      this.#cell = backend.cellForUpdate(this.#table);
    }
    backend.assign(this.#cell, value);
  }
}
