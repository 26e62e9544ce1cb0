import type { CellTable } from "./cell.ts";
import type { PaneJoin, PaneState } from "./contract.ts";
import type { HeapBackend } from "./heap-backend.ts";
import { HeapPaneJoin } from "./heap-pane-join.ts";
import { HeapValueState } from "./heap-value-state.ts";

/** A pane is a plain state of its own, in a table of its own. */
interface Pane {
  readonly table: CellTable;
  readonly state: HeapValueState;
}

/** One table per pane: it comes and goes with it. */
export class HeapPaneState<Value> implements PaneState<Value> {
  readonly #backend: HeapBackend;
  readonly #name: string;
  readonly #panes = new Map<number, Pane>();
  /** The last pane used: records come mostly to the same few. */
  #lastStart: number = Number.NaN;
  #last: Pane | undefined;

  constructor(backend: HeapBackend, name: string) {
    this.#backend = backend;
    this.#name = name;
  }

  get(pane: number): Value | undefined {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one type per state name
    return this.#panes.get(pane)?.state.get() as Value | undefined;
  }

  cellForUpdate(pane: number): { value: Value | undefined } {
    const { state } = this.#paneOf(pane);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one type per state name
    return state.cellForUpdate() as { value: Value | undefined };
  }

  join(panes: readonly number[]): PaneJoin<Value> {
    const tables = panes.flatMap((pane) => this.#panes.get(pane)?.table ?? []);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one type per state name
    return new HeapPaneJoin(tables) as PaneJoin<Value>;
  }

  forEachKey(pane: number, visit: (key: unknown, hash: number, value: Value) => void): void {
    const join = this.join([pane]);
    while (join.nextGroup()) {
      while (join.next()) visit(join.keyAt(join.slot), join.hashAt(join.slot), join.value);
    }
  }

  panes(): readonly number[] {
    return [...this.#panes.keys()].toSorted((left, right) => left - right);
  }

  dropPane(pane: number): void {
    const table = this.#panes.get(pane)?.table;
    if (table === undefined) return;
    this.#panes.delete(pane);
    this.#forgetLast();
    this.#backend.dropTable(table);
  }

  /** Looks ahead in the pane that the last record went to. */
  lookAhead(hashes: Int32Array, from: number, to: number): void {
    this.#last?.table.numbers?.lookAhead(hashes, from, to);
  }

  /** Returns the pane's table, made if need be. */
  tableOf(pane: number): CellTable {
    return this.#paneOf(pane).table;
  }

  tables(): readonly CellTable[] {
    return [...this.#panes.values()].map(({ table }) => table);
  }

  /** After a restore: panes without cells are no panes. */
  forgetEmpty(): void {
    for (const [pane, { table }] of this.#panes) {
      if (table.groups().length === 0) this.#panes.delete(pane);
    }
    this.#forgetLast();
  }

  #paneOf(start: number): Pane {
    const last = this.#last;
    if (last !== undefined && start === this.#lastStart) return last;
    let pane = this.#panes.get(start);
    if (pane === undefined) {
      const table = this.#backend.newTable(this.#name, "pane", start);
      pane = { table, state: new HeapValueState(this.#backend, table) };
      this.#panes.set(start, pane);
    }
    this.#lastStart = start;
    this.#last = pane;
    return pane;
  }

  #forgetLast(): void {
    this.#lastStart = Number.NaN;
    this.#last = undefined;
  }
}
