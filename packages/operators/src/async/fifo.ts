/** A queue in an array: what was taken is cut off once it is half of it, so that each call is O(1). */
export class Fifo<T> {
  #items: T[] = [];
  /** Items before it were taken. */
  #start = 0;

  get length(): number {
    return this.#items.length - this.#start;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** Returns the oldest item, which stays. */
  peek(): T | undefined {
    return this.#items[this.#start];
  }

  /** Returns the newest item, which stays. */
  last(): T | undefined {
    return this.length === 0 ? undefined : this.#items[this.#items.length - 1];
  }

  /** Puts another item in the place of the newest. */
  replaceLast(item: T): void {
    this.#items[this.#items.length - 1] = item;
  }

  /** Removes and returns the oldest item. */
  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const item = this.#items[this.#start];
    this.#start += 1;
    if (this.#start >= 64 && this.#start * 2 >= this.#items.length) this.#cut();
    return item;
  }

  /** Drops the items that are not to be kept. */
  retain(isKept: (item: T) => boolean): void {
    this.#cut();
    this.#items = this.#items.filter(isKept);
  }

  #cut(): void {
    this.#items = this.#items.slice(this.#start);
    this.#start = 0;
  }
}
