import type { KeyedBackend, SnapshotCursor, StateBlock } from "../contract.ts";
import { createBackend, restore, use } from "./backends.ts";
import { cut, deltaBarrier, fullBarrier, pauseAfter, runToEnd } from "./snapshots.ts";
import { updated, valueAt, valueKeys, type Operation, type Write } from "./value-operations.ts";

/** Backends that go through drawn operations. */

/** Returns the value of each of `valueKeys`. */
export function contents(backend: KeyedBackend): readonly unknown[] {
  return valueKeys.map((each) => use(backend, each).valueState("value").get());
}

/** A snapshot that was run to its end. */
export interface TakenSnapshot {
  readonly number: number;
  readonly blocks: readonly StateBlock[];
  /** What a restore of it takes; undefined if it was aborted. */
  readonly chain: readonly StateBlock[] | undefined;
}

interface RunningSnapshot {
  readonly number: number;
  readonly cursor: SnapshotCursor;
  readonly blocks: readonly StateBlock[];
  readonly before: readonly StateBlock[];
  readonly isAborted: boolean;
}

/** One backend with its snapshots; committed in order, as far as they are not aborted. */
export class ValueRun {
  live: KeyedBackend;
  chain: readonly StateBlock[] = [];
  /** The number of the last one that was committed. */
  head: number | undefined;
  readonly taken: TakenSnapshot[] = [];
  #usesNumberTables: boolean;
  #running: RunningSnapshot[] = [];
  #lastNumber = 0;

  constructor(usesNumberTables: boolean) {
    this.#usesNumberTables = usesNumberTables;
    this.live = createBackend({ usesNumberTables });
  }

  apply(operation: Operation): void {
    switch (operation.kind) {
      case "barrier":
        this.#barrier(operation.isFull, operation.isAborted);
        return;
      case "step":
        this.#step(operation.checks, operation.isToEnd);
        return;
      case "cancel":
        this.#running.shift()?.cursor.cancel();
        return;
      case "restart":
        this.#restart(operation.isOfOtherKind);
        return;
      case "set":
      case "update":
      case "clear":
        this.#write(operation);
    }
  }

  finish(): void {
    while (this.#running.length > 0) this.#step(0, true);
  }

  /** At most two run at a time. */
  makeRoom(): void {
    if (this.#running.length > 1) this.finish();
  }

  #write(operation: Write): void {
    const state = use(this.live, valueKeys[operation.key]).valueState("value");
    if (operation.kind === "set") state.set(valueAt(operation.value));
    else if (operation.kind === "clear") state.clear();
    else {
      const cell = state.cellForUpdate();
      cell.value = updated(cell.value);
    }
  }

  #barrier(isFull: boolean, isAborted: boolean): void {
    this.makeRoom();
    this.#lastNumber += 1;
    const number = this.#lastNumber;
    const { head } = this;
    const isOnChain = !isFull && head !== undefined;
    const before = isOnChain ? this.chain : [];
    const barrier = isOnChain ? deltaBarrier(number, { since: head }) : fullBarrier(number);
    this.#running.push({ ...cut(this.live, barrier), number, before, isAborted });
  }

  /** Counts as done only where it was stepped to the end: so all runs have the same heads. */
  #step(checks: number, isToEnd: boolean): void {
    const [running] = this.#running;
    if (running === undefined) return;
    if (!isToEnd) {
      running.cursor.step(pauseAfter(checks));
      return;
    }
    runToEnd(running.cursor);
    this.#running.shift();
    const { number, blocks, before, isAborted } = running;
    const chain = isAborted ? undefined : [...before, ...blocks];
    this.taken.push({ number, blocks, chain });
    if (chain === undefined) return;
    this.chain = chain;
    this.head = number;
  }

  #restart(isOfOtherKind: boolean): void {
    if (isOfOtherKind) this.#usesNumberTables = !this.#usesNumberTables;
    this.#running = [];
    const fresh = createBackend({ usesNumberTables: this.#usesNumberTables });
    this.live = this.head === undefined ? fresh : restore(fresh, this.chain, this.head);
  }
}
