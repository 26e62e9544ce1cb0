/** The only source of time. The simulation's clock is virtual. */
export interface Clock {
  /** Milliseconds of a clock that never jumps; for deadlines, leases and durations. */
  monotonicMs(): number;
  /** Milliseconds since the epoch; for people and processing time only, never for safety (F22). */
  wallMs(): number;
  /** Calls back once after the delay, unless disposed before. */
  schedule(delayMs: number, callback: () => void): Disposable;
}

/** Returns after the delay, or at once with the signal's reason thrown when it aborts. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason);
      return;
    }
    const timer = clock.schedule(delayMs, () => {
      signal?.removeEventListener("abort", stop);
      resolve();
    });
    const stop = (): void => {
      timer[Symbol.dispose]();
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", stop, { once: true });
  });
}
