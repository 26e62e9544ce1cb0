import fc from "fast-check";
import { expect, test } from "vitest";

import type { KeyedBackend } from "./contract.ts";
import { createBackend, numberLayouts, restore } from "./test-kit/backends.ts";
import { ChainModel } from "./test-kit/chain-model.ts";
import { interleavedOperations, isWrite, type Operation } from "./test-kit/value-operations.ts";
import { contents, ValueRun } from "./test-kit/value-runs.ts";

/** Goes through the operations beside a model, and compares at each end of a snapshot. */
class CheckedRun {
  readonly #run: ValueRun;
  readonly #model = new ChainModel();
  #lastNumber = 0;
  readonly #wrong: string[] = [];
  #checkedCount = 0;

  constructor(usesNumberTables: boolean) {
    this.#run = new ValueRun(usesNumberTables);
  }

  apply(operation: Operation): void {
    // A barrier may end snapshots before it begins its own.
    if (operation.kind === "barrier") this.#barrier(operation.isFull);
    this.#run.apply(operation);
    this.#check();
    if (operation.kind === "restart") this.#model.restart(this.#run.head);
    if (isWrite(operation)) this.#model.write(operation);
  }

  /** Returns all that was wrong, in words. */
  finish(): readonly string[] {
    this.#run.finish();
    this.#check();
    this.#compare(this.#run.live);
    return this.#wrong;
  }

  #barrier(isFull: boolean): void {
    this.#run.makeRoom();
    this.#check();
    this.#lastNumber += 1;
    this.#model.barrier(this.#lastNumber, isFull ? undefined : this.#run.head);
  }

  #check(): void {
    for (const taken of this.#run.taken.slice(this.#checkedCount)) {
      this.#wrong.push(...this.#model.end(taken));
      if (taken.chain === undefined) continue;
      for (const usesNumberTables of [true, false]) {
        const fresh = createBackend({ usesNumberTables });
        this.#compare(restore(fresh, taken.chain, taken.number), taken.number);
      }
    }
    this.#checkedCount = this.#run.taken.length;
  }

  #compare(backend: KeyedBackend, number?: number): void {
    const found = fc.stringify([backend.cellCount(), contents(backend)]);
    const expected = fc.stringify([this.#model.liveCount(number), this.#model.contents(number)]);
    if (found !== expected) {
      this.#wrong.push(`checkpoint ${number ?? "none"}: ${found} for ${expected}`);
    }
  }
}

test.each(numberLayouts)(
  "with %s, each chain of snapshots restores its barrier, and says no more than it has to",
  (_name, usesNumberTables) => {
    fc.assert(
      fc.property(interleavedOperations, (operations) => {
        const run = new CheckedRun(usesNumberTables);
        for (const operation of operations) run.apply(operation);
        expect(run.finish()).toEqual([]);
      }),
      { numRuns: 200 },
    );
  },
);
