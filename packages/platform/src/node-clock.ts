import type { Clock } from "@millrace/core";

/** Returns the machine's clocks. A scheduled callback keeps the process alive until it is disposed. */
export function createNodeClock(): Clock {
  return {
    monotonicMs: () => performance.now(),
    wallMs: () => Date.now(),
    schedule(delayMs, callback) {
      // Node's timers overflow at 2^31 ms and would fire at once.
      const timer = setTimeout(callback, Math.min(delayMs, 2 ** 31 - 1));
      return { [Symbol.dispose]: () => clearTimeout(timer) };
    },
  };
}
