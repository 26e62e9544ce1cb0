/** The window ends that are still to fire: a set with its minimum. There are few, so a sorted array. */
export class PendingEnds {
  /** Descending, so that the first to fire is taken from the end. */
  readonly #ends: number[] = [];

  /** Returns the earliest end, or Infinity. */
  first(): number {
    return this.#ends.at(-1) ?? Infinity;
  }

  /** Adds an end unless it is there. */
  add(end: number): void {
    const index = this.#indexOf(end);
    if (this.#ends[index] !== end) this.#ends.splice(index, 0, end);
  }

  remove(end: number): void {
    const index = this.#indexOf(end);
    if (this.#ends[index] === end) this.#ends.splice(index, 1);
  }

  /** Returns where the end stands or belongs. */
  #indexOf(end: number): number {
    let [low, high] = [0, this.#ends.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ends[middle] ?? -Infinity) > end) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
