import type { MetadataStore } from "@millrace/metadata";

import type { SimScheduler } from "./sim-scheduler.ts";

const holdMs = 200;

/**
 * The leases of a simulated metadata store, as the world outside has power over them: they can end
 * before their time, or live on although nobody keeps them alive (F16).
 */
export class SimLeases {
  readonly #store: MetadataStore;
  readonly #scheduler: SimScheduler;
  readonly #granted = new Set<bigint>();
  #stuckUntilMs = 0;

  constructor(store: MetadataStore, scheduler: SimScheduler) {
    this.#store = store;
    this.#scheduler = scheduler;
  }

  /** Returns the store, whose grants this object knows of. */
  watched(): MetadataStore {
    const { leases } = this.#store;
    if (leases === undefined) return this.#store;
    return {
      ...this.#store,
      leases: {
        grant: async (ttlMs) => {
          const leaseId = await leases.grant(ttlMs);
          this.#granted.add(leaseId);
          return leaseId;
        },
        keepAlive: (leaseId) => leases.keepAlive(leaseId),
        revoke: (leaseId) => leases.revoke(leaseId),
      },
    };
  }

  /** Ends every lease; returns how many there were. Candidates that do not lead have none. */
  async endAll(): Promise<number> {
    const { leases } = this.#store;
    const living = await this.#living();
    for (const leaseId of living) await leases?.revoke(leaseId);
    return living.length;
  }

  /** Keeps all leases alive, whoever lives. */
  stick(lastMs: number): void {
    const isStuck = this.#stuckUntilMs > this.#scheduler.nowMs();
    this.#stuckUntilMs = Math.max(this.#stuckUntilMs, this.#scheduler.nowMs() + lastMs);
    if (!isStuck) this.#hold();
  }

  #hold(): void {
    if (this.#scheduler.nowMs() >= this.#stuckUntilMs) return;
    void this.#living(); // Memory: it cannot fail, and it asks by keeping alive.
    this.#scheduler.schedule(holdMs, "stuck leases", () => this.#hold());
  }

  async #living(): Promise<readonly bigint[]> {
    const living: bigint[] = [];
    for (const leaseId of this.#granted) {
      const isAlive = await this.#store.leases?.keepAlive(leaseId).then(
        () => true,
        () => false,
      );
      if (isAlive === true) living.push(leaseId);
      else this.#granted.delete(leaseId);
    }
    return living;
  }
}
