import { Worker } from "node:worker_threads";

/** Cells of the shared memory: the newest tick, whether it is to end, and one that nobody ever wakes. */
const cells = { tick: 0, isEnded: 1, sleep: 2 } as const;
const byteLength = 32;
/** Behind the cells: when tick 0 was, by `monotonicMs`. */
const originOffset = 16;

// A thread of its own sleeps to the microsecond, where timers of a loop know milliseconds. It needs no module.
const code = `
const { workerData } = require("node:worker_threads");
const cells = new Int32Array(workerData, 0, 4);
const now = () => Number(process.hrtime.bigint()) / 1e6;
const origin = now();
new Float64Array(workerData, ${originOffset}, 1)[0] = origin;
for (let tick = 1; Atomics.load(cells, ${cells.isEnded}) === 0; tick += 1) {
  const leftMs = origin + tick - now();
  if (leftMs > 0) Atomics.wait(cells, ${cells.sleep}, 0, leftMs);
  Atomics.store(cells, ${cells.tick}, tick);
  Atomics.notify(cells, ${cells.tick});
}`;

/** Returns the time since the machine started, in milliseconds with a fraction: the same in all processes. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Ticks once a millisecond; a tick that comes late does not move those behind it. */
export class Ticker {
  readonly #memory = new SharedArrayBuffer(byteLength);
  readonly #cells = new Int32Array(this.#memory, 0, 4);

  constructor() {
    new Worker(code, { eval: true, workerData: this.#memory }).unref();
  }

  /** Returns the newest tick once it is beyond this one; ticks are counted from 1. */
  async after(tick: number): Promise<number> {
    for (;;) {
      const newest = Atomics.load(this.#cells, cells.tick);
      if (newest > tick) return newest;
      const wait = Atomics.waitAsync(this.#cells, cells.tick, newest);
      if (wait.async) await wait.value;
    }
  }

  /** Returns when a tick was to be, by `monotonicMs`, whenever it came. */
  dueMs(tick: number): number {
    return (new Float64Array(this.#memory, originOffset, 1)[0] ?? 0) + tick;
  }

  end(): void {
    Atomics.store(this.#cells, cells.isEnded, 1);
  }
}
