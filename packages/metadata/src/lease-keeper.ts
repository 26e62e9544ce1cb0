import { StreamError, type Clock } from "@millrace/core";

import type { HeldLease } from "./leadership.ts";
import type { MetadataLeases } from "./metadata-store.ts";

export interface LeaseKeeperOptions {
  readonly leases: MetadataLeases;
  readonly clock: Clock;
  readonly lease: HeldLease;
  /** Called once: the lease is gone, or could not be proven in its time. */
  readonly onLost: (reason: string) => void;
}

export interface LeaseKeeper extends Disposable {
  /** Whether the lease cannot have ended yet by this process's monotonic clock. */
  isProven(): boolean;
}

/**
 * Keeps a lease alive: three calls in its time, each counted from before it was sent. A process that
 * was paused finds its lease unproven before it does anything else, because it asks its own clock
 * and not the store (F6); the store's word may come seconds later.
 */
export function keepLease({ leases, clock, lease, onLost }: LeaseKeeperOptions): LeaseKeeper {
  const { leaseId, ttlMs } = lease;
  let { provenAtMs } = lease;
  let isOver = false;
  let timer: Disposable | undefined;
  const isProven = (): boolean => !isOver && clock.monotonicMs() - provenAtMs < ttlMs;
  const lose = (reason: string): void => {
    if (isOver) return;
    isOver = true;
    timer?.[Symbol.dispose]();
    onLost(reason);
  };
  const renew = (): void => {
    const sentAtMs = clock.monotonicMs();
    leases.keepAlive(leaseId).then(
      () => {
        // An answer that comes after the end proves nothing: others may have acted on the end.
        if (isProven()) provenAtMs = Math.max(provenAtMs, sentAtMs);
      },
      (error: unknown) => {
        // Whatever else the store says, the next call follows while there is time.
        if (StreamError.is(error, "not-found")) lose("its lease is gone");
      },
    );
  };
  const schedule = (): void => {
    timer = clock.schedule(ttlMs / 3, () => {
      if (!isProven()) {
        lose(`its lease could not be renewed for ${ttlMs} ms`);
        return;
      }
      renew();
      schedule();
    });
  };
  renew();
  schedule();
  return {
    isProven,
    [Symbol.dispose]: () => {
      isOver = true;
      timer?.[Symbol.dispose]();
    },
  };
}
