import type { CellTable } from "./cell.ts";
import type { PaneState } from "./contract.ts";
import type { HeapBackend } from "./heap-backend.ts";

/** One table of cells per pane. */
export class HeapPaneState<Value> implements PaneState<Value> {
  readonly #backend: HeapBackend;
  readonly #name: string;
  readonly #tables = new Map<number, CellTable>();
  /** The last pane used: records come mostly to the same few. */
  #lastPane = Number.NaN;
  #lastTable: CellTable | undefined;

  constructor(backend: HeapBackend, name: string) {
    this.#backend = backend;
    this.#name = name;
  }

  get(pane: number): Value | undefined {
    const { currentGroup, currentIdentity } = this.#backend;
    const cell = this.#tables.get(pane)?.find(currentGroup, currentIdentity);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one type per state name
    return cell?.value as Value | undefined;
  }

  cellForUpdate(pane: number): { value: Value | undefined } {
    const cell = this.#backend.cellForUpdate(this.tableOf(pane));
    if (cell.value === undefined) this.#backend.noteNewCell();
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one type per state name
    return cell as { value: Value | undefined };
  }

  forEachKey(pane: number, visit: (key: unknown, hash: number, value: Value) => void): void {
    for (const { key, hash, value } of this.#tables.get(pane)?.cells() ?? []) {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one type per state name
      if (value !== undefined) visit(key, hash, value as Value);
    }
  }

  panes(): readonly number[] {
    return [...this.#tables.keys()].toSorted((left, right) => left - right);
  }

  dropPane(pane: number): void {
    const table = this.#tables.get(pane);
    if (table === undefined) return;
    this.#tables.delete(pane);
    if (this.#lastPane === pane) {
      this.#lastPane = Number.NaN;
      this.#lastTable = undefined;
    }
    this.#backend.dropTable(table);
  }

  /** Returns the pane's table, made if need be. */
  tableOf(pane: number): CellTable {
    if (pane === this.#lastPane && this.#lastTable !== undefined) return this.#lastTable;
    let table = this.#tables.get(pane);
    if (table === undefined) {
      table = this.#backend.newTable(this.#name, "pane", pane);
      this.#tables.set(pane, table);
    }
    this.#lastPane = pane;
    this.#lastTable = table;
    return table;
  }

  tables(): readonly CellTable[] {
    return [...this.#tables.values()];
  }

  /** After a restore: panes without cells are no panes. */
  forgetEmpty(): void {
    for (const [pane, table] of this.#tables) {
      if (table.groups().length === 0) this.#tables.delete(pane);
    }
    this.#lastPane = Number.NaN;
    this.#lastTable = undefined;
  }
}
