import type { KeyGroupRange } from "@millrace/core";

/** Live cells by key group: what a base of each would hold. */
export class CellCounts {
  readonly #start: number;
  readonly #counts: Int32Array;
  #total = 0;

  constructor({ start, end }: KeyGroupRange) {
    this.#start = start;
    this.#counts = new Int32Array(end - start + 1);
  }

  get total(): number {
    return this.#total;
  }

  of(group: number): number {
    return this.#counts[group - this.#start] ?? 0;
  }

  add(group: number, change: number): void {
    this.#total += change;
    const index = group - this.#start;
    this.#counts[index] = (this.#counts[index] ?? 0) + change;
  }
}
