/** Bounds how many calls are under way at a time; the others wait in order of arrival. */
export interface CallSlots {
  /** Returns when there is room; dispose what it returns to make room again. */
  take(signal?: AbortSignal): Promise<Disposable>;
}

/** Returns so many slots. The wait has no deadline but the signal's: each holder has one. */
export function createCallSlots(slotCount: number): CallSlots {
  const waiting = new Set<() => void>();
  let freeCount = slotCount;
  const give = (): void => {
    const [next] = waiting;
    if (next === undefined) {
      freeCount += 1;
      return;
    }
    waiting.delete(next);
    next();
  };
  const held = (): Disposable => {
    let isHeld = true;
    return {
      [Symbol.dispose]: () => {
        if (isHeld) give();
        isHeld = false;
      },
    };
  };
  return {
    take: (signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted === true) {
          reject(signal.reason);
          return;
        }
        if (freeCount > 0) {
          freeCount -= 1;
          resolve(held());
          return;
        }
        const leave = (): void => {
          waiting.delete(enter);
          reject(signal?.reason);
        };
        const enter = (): void => {
          signal?.removeEventListener("abort", leave);
          resolve(held());
        };
        waiting.add(enter);
        signal?.addEventListener("abort", leave, { once: true });
      }),
  };
}
