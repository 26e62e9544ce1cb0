/** Distinct times, the earliest first: a binary heap of numbers. */
export class TimerHeap {
  readonly #times: number[] = [];

  first(): number {
    return this.#times[0] ?? Infinity;
  }

  push(timeMs: number): void {
    const times = this.#times;
    let index = times.length;
    times.push(timeMs);
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = times[parentIndex] ?? -Infinity;
      if (parent <= timeMs) break;
      times[index] = parent;
      index = parentIndex;
    }
    times[index] = timeMs;
  }

  /** Removes the earliest. */
  pop(): void {
    const times = this.#times;
    const last = times.pop();
    if (last === undefined || times.length === 0) return;
    let index = 0;
    for (;;) {
      const left = 2 * index + 1;
      const isRight = (times[left + 1] ?? Infinity) < (times[left] ?? Infinity);
      const child = isRight ? left + 1 : left;
      const time = times[child] ?? Infinity;
      if (time >= last) break;
      times[index] = time;
      index = child;
    }
    times[index] = last;
  }
}
