import type { SimScheduler } from "../sim/sim-scheduler.ts";

/** Lets virtual time pass by itself until disposed, so that a test can await what it brings. */
export function pump(scheduler: SimScheduler): AsyncDisposable {
  let isStopped = false;
  const run = async (): Promise<void> => {
    while (!isStopped) {
      await scheduler.runUntil(() => isStopped, Infinity);
      await new Promise(setImmediate);
    }
  };
  const running = run();
  return {
    [Symbol.asyncDispose]() {
      isStopped = true;
      return running;
    },
  };
}
