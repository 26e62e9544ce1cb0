/**
 * Finds workers that have fallen silent. It counts its own ticks, not elapsed time: a coordinator
 * that was itself paused finds, when it goes on, one silent tick per worker and not all of them
 * dead (F6). A broken session needs no detector; it counts at once.
 */
import type { Clock, WorkerId } from "@millrace/core";

export interface FailureDetector extends Disposable {
  /** Something came from the worker, or it has just registered. */
  heard(workerId: WorkerId): void;
  forget(workerId: WorkerId): void;
}

/** Returns a detector that calls `onSilent` once for a worker that is silent for the timeout. */
export function createFailureDetector(options: {
  readonly clock: Clock;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly onSilent: (workerId: WorkerId) => void;
}): FailureDetector {
  const { clock, intervalMs } = options;
  const silentTicks = new Map<WorkerId, number>();
  const limit = Math.max(1, Math.ceil(options.timeoutMs / intervalMs));
  let timer: Disposable | undefined;
  const tick = (): void => {
    for (const [workerId, ticks] of silentTicks) {
      silentTicks.set(workerId, ticks + 1);
    }
    const silent = [...silentTicks].filter(([, ticks]) => ticks > limit).map(([id]) => id);
    for (const workerId of silent) {
      silentTicks.delete(workerId);
      options.onSilent(workerId);
    }
    timer = clock.schedule(intervalMs, tick);
  };
  timer = clock.schedule(intervalMs, tick);
  return {
    heard: (workerId) => silentTicks.set(workerId, 0),
    forget: (workerId) => silentTicks.delete(workerId),
    [Symbol.dispose]: () => timer?.[Symbol.dispose](),
  };
}
