import { StreamError, type Clock } from "@millrace/core";

import type { MetadataLeases } from "./metadata-store.ts";

interface Lease {
  readonly ttlMs: number;
  readonly keys: Set<string>;
  timer: Disposable;
}

/**
 * The leases of a store in memory.
 *
 * I1 A key belongs to the lease of its last put, or to none.
 * I2 A lease that ends by itself or by a revoke takes its keys with it in one transaction.
 */
export class MemoryLeases implements MetadataLeases, Disposable {
  readonly #clock: Clock;
  readonly #onEnd: (keys: readonly string[]) => void;
  readonly #leases = new Map<bigint, Lease>();
  readonly #leaseOf = new Map<string, bigint>();
  #lastId = 0n;

  constructor(clock: Clock, onEnd: (keys: readonly string[]) => void) {
    this.#clock = clock;
    this.#onEnd = onEnd;
  }

  has(leaseId: bigint): boolean {
    return this.#leases.has(leaseId);
  }

  /** The key was written: under the lease, or without one. */
  bind(key: string, leaseId: bigint | undefined): void {
    const before = this.#leaseOf.get(key);
    if (before !== undefined) this.#leases.get(before)?.keys.delete(key);
    if (leaseId === undefined) {
      this.#leaseOf.delete(key);
      return;
    }
    this.#leaseOf.set(key, leaseId);
    this.#leases.get(leaseId)?.keys.add(key);
  }

  grant(ttlMs: number): Promise<bigint> {
    this.#lastId += 1n;
    const leaseId = this.#lastId;
    this.#leases.set(leaseId, { ttlMs, keys: new Set(), timer: this.#expire(leaseId, ttlMs) });
    return Promise.resolve(leaseId);
  }

  keepAlive(leaseId: bigint): Promise<void> {
    const lease = this.#leases.get(leaseId);
    if (lease === undefined) return Promise.reject(leaseNotFound(leaseId));
    lease.timer[Symbol.dispose]();
    lease.timer = this.#expire(leaseId, lease.ttlMs);
    return Promise.resolve();
  }

  revoke(leaseId: bigint): Promise<void> {
    this.#end(leaseId);
    return Promise.resolve();
  }

  [Symbol.dispose](): void {
    for (const { timer } of this.#leases.values()) timer[Symbol.dispose]();
    this.#leases.clear();
  }

  #expire(leaseId: bigint, ttlMs: number): Disposable {
    return this.#clock.schedule(ttlMs, () => this.#end(leaseId));
  }

  #end(leaseId: bigint): void {
    const lease = this.#leases.get(leaseId);
    if (lease === undefined) return;
    this.#leases.delete(leaseId);
    lease.timer[Symbol.dispose]();
    if (lease.keys.size > 0) this.#onEnd([...lease.keys]);
  }
}

/** Returns the failure of a call that names a lease that is gone: expired, revoked, never there. */
export function leaseNotFound(leaseId: bigint): StreamError {
  return new StreamError("not-found", `there is no lease ${leaseId.toString(16)} (any more)`, {
    domain: "external",
    retry: "never",
  });
}
