import { identityOf } from "@millrace/core";

import type { Chunk } from "./entry-arena.ts";
import { mixHash } from "./entry-index.ts";
import { hasSameKey, keyIn } from "./number-key.ts";

const firstCapacity = 64;

/**
 * Numbers keys from 0 on as they come: keys as such, and keys of entries of number tables, which are
 * compared where they lie and made only when somebody asks for them. `clear` keeps the memory.
 *
 * I1 The index is at most half full.
 */
export class KeySlots {
  /** Open addressing: pairs of a hash and a slot + 1; 0 is free. */
  #index = new Int32Array(2 * firstCapacity);
  #mask: number = firstCapacity - 1;
  #count = 0;
  readonly #hashes: number[] = [];
  /** By slot: the key, or undefined where it lies in an entry. */
  readonly #keys: unknown[] = [];
  readonly #chunks: (Chunk | undefined)[] = [];
  readonly #addresses: number[] = [];

  clear(): void {
    this.#index.fill(0);
    this.#count = 0;
  }

  keyAt(slot: number): unknown {
    const chunk = this.#chunks[slot];
    return chunk === undefined ? this.#keys[slot] : keyIn(chunk, this.#addresses[slot] ?? 0);
  }

  hashAt(slot: number): number {
    return this.#hashes[slot] ?? 0;
  }

  /** Returns a new slot for a key that has none, and that nobody looks for later. */
  add(hash: number, key: unknown): number {
    const slot = this.#count;
    this.#count += 1;
    this.#hashes[slot] = hash;
    this.#keys[slot] = key;
    this.#chunks[slot] = undefined;
    this.#addresses[slot] = 0;
    return slot;
  }

  /** As `add`, for the key of an entry. */
  addEntry(hash: number, chunk: Chunk, address: number): number {
    const slot = this.add(hash, undefined);
    this.#chunks[slot] = chunk;
    this.#addresses[slot] = address;
    return slot;
  }

  /** Returns the key's slot, a new one if it has none. */
  slotOf(hash: number, key: unknown): number {
    let at = mixHash(hash) & this.#mask;
    for (; this.#slotIn(at) >= 0; at = (at + 1) & this.#mask) {
      const slot = this.#slotIn(at);
      if (this.#index[2 * at] === hash && isSameKey(this.keyAt(slot), key)) return slot;
    }
    return this.#enter(at, hash, this.add(hash, key));
  }

  /** As `slotOf`, for the key of an entry. */
  slotOfEntry(hash: number, chunk: Chunk, address: number): number {
    let at = mixHash(hash) & this.#mask;
    for (; this.#slotIn(at) >= 0; at = (at + 1) & this.#mask) {
      const slot = this.#slotIn(at);
      if (this.#index[2 * at] === hash && this.#hasEntry(slot, chunk, address)) return slot;
    }
    return this.#enter(at, hash, this.addEntry(hash, chunk, address));
  }

  #hasEntry(slot: number, chunk: Chunk, address: number): boolean {
    const own = this.#chunks[slot];
    if (own === undefined) return isSameKey(this.#keys[slot], keyIn(chunk, address));
    return hasSameKey(own, this.#addresses[slot] ?? 0, chunk, address);
  }

  /** Below 0 for a free place. */
  #slotIn(at: number): number {
    return (this.#index[2 * at + 1] ?? 0) - 1;
  }

  #enter(at: number, hash: number, slot: number): number {
    this.#index[2 * at] = hash;
    this.#index[2 * at + 1] = slot + 1;
    if (2 * this.#count > this.#mask) this.#grow();
    return slot;
  }

  #grow(): void {
    const mask = 2 * this.#mask + 1;
    const index = new Int32Array(2 * (mask + 1));
    for (let slot = 0; slot < this.#count; slot += 1) {
      const hash = this.#hashes[slot] ?? 0;
      let at = mixHash(hash) & mask;
      while (index[2 * at + 1] !== 0) at = (at + 1) & mask;
      index[2 * at] = hash;
      index[2 * at + 1] = slot + 1;
    }
    this.#index = index;
    this.#mask = mask;
  }
}

/** Whether the bytes of two keys are equal, whose hashes are. */
function isSameKey(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (typeof left === "object" && typeof right === "object") {
    return identityOf(left) === identityOf(right);
  }
  return Number.isNaN(left) && Number.isNaN(right);
}
