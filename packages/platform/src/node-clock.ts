import type { Clock } from "@millrace/core";

// Held from the start: while a job's module loads, Date.now throws (it would make plans differ).
const readWallMs = Date.now;

/** Returns the machine's clocks. A scheduled callback keeps the process alive until it is disposed. */
export function createNodeClock(): Clock {
  return {
    monotonicMs: () => performance.now(),
    wallMs: () => readWallMs(),
    schedule(delayMs, callback) {
      // Node's timers overflow at 2^31 ms and would fire at once; of a time that has passed they warn.
      const timer = setTimeout(callback, Math.min(Math.max(delayMs, 0), 2 ** 31 - 1));
      return { [Symbol.dispose]: () => clearTimeout(timer) };
    },
  };
}
