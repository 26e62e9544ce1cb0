/**
 * The slots of one worker as the coordinator knows them.
 *
 * I1 A slot is given out only while it is fresh: its thread has not run user code.
 * I2 A slot has one holder at most; all holders on a worker are one job (one job per process), and
 *    the next job waits until every slot of the one before is fresh.
 * I3 A slot that was deployed becomes fresh again only when the worker says so.
 */
import type { JobId } from "@millrace/core";
import type { SlotOffer } from "@millrace/rpc";

interface Slot {
  readonly dataAddress: string;
  readonly isFresh: boolean;
  readonly holder?: JobId;
}

export class WorkerSlots {
  readonly #slots = new Map<number, Slot>();
  #isDraining = false;

  constructor(offers: readonly SlotOffer[]) {
    for (const offer of offers) this.offer(offer);
  }

  /** Takes a fresh slot in; returns the job that has lost it, if one was using its predecessor. */
  offer({ slotIndex, dataAddress }: SlotOffer): JobId | undefined {
    const before = this.#slots.get(slotIndex);
    const holder = before?.holder;
    this.#slots.set(slotIndex, {
      dataAddress,
      isFresh: true,
      ...(holder === undefined ? {} : { holder }),
    });
    return before?.dataAddress === dataAddress ? undefined : holder;
  }

  /** From now on nothing is given out. */
  drain(): void {
    this.#isDraining = true;
  }

  /** Returns the slots that the job may have; none if another job, or a remainder, is here. */
  freeFor(jobId: JobId): readonly SlotOffer[] {
    const isTaken = [...this.#slots.values()].some(({ holder, isFresh }) =>
      holder === undefined ? !isFresh : holder !== jobId,
    );
    return isTaken ? [] : this.free();
  }

  free(): readonly SlotOffer[] {
    if (this.#isDraining) return [];
    return [...this.#slots].flatMap(([slotIndex, { dataAddress, isFresh, holder }]) =>
      isFresh && holder === undefined ? [{ slotIndex, dataAddress }] : [],
    );
  }

  hold(slotIndex: number, jobId: JobId): void {
    this.#change(slotIndex, (slot) => ({ ...slot, holder: jobId }));
  }

  /** The slot was told to run something. */
  use(slotIndex: number): void {
    this.#change(slotIndex, (slot) => ({ ...slot, isFresh: false }));
  }

  release(jobId: JobId): void {
    for (const [slotIndex, slot] of this.#slots) {
      const { dataAddress, isFresh, holder } = slot;
      if (holder === jobId) this.#slots.set(slotIndex, { dataAddress, isFresh });
    }
  }

  holders(): ReadonlySet<JobId> {
    return new Set([...this.#slots.values()].flatMap(({ holder }) => holder ?? []));
  }

  count(): number {
    return this.#slots.size;
  }

  #change(slotIndex: number, update: (slot: Slot) => Slot): void {
    const slot = this.#slots.get(slotIndex);
    if (slot !== undefined) this.#slots.set(slotIndex, update(slot));
  }
}
