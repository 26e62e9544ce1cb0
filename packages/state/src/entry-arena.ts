import { assert } from "@millrace/core";

/** In place of an address: there is no entry. */
export const noEntry = 0;

/** Of a chunk: 1 MiB, in units of 8 bytes. */
const chunkBits = 17;
const chunkUnits: number = 1 << chunkBits;
const offsetMask: number = chunkUnits - 1;
/** The first chunk begins so small: of most states a key group has little. */
const firstUnits = 64;
/** The others, and how much larger a chunk becomes when it is full: what is not used is memory too. */
const laterUnits = 16_384;
const growthFactor = 1.5;
/** Of most entries the last word: they may begin in one line of the cache and end in the next. */
const peekedWords = 8;
/** Addresses are signed 32-bit integers: 16 GiB. */
const maxChunks = 1 << (31 - chunkBits);

/** A piece of memory, seen as each of what entries are made of. */
export class Chunk {
  readonly sizeUnits: number;
  readonly words: Int32Array;
  readonly doubles: Float64Array;
  readonly bytes: Uint8Array;
  readonly codeUnits: Uint16Array;
  usedUnits = 0;

  constructor(sizeUnits: number) {
    const buffer = new ArrayBuffer(sizeUnits * 8);
    this.sizeUnits = sizeUnits;
    this.words = new Int32Array(buffer);
    this.doubles = new Float64Array(buffer);
    this.bytes = new Uint8Array(buffer);
    this.codeUnits = new Uint16Array(buffer);
  }
}

/**
 * Memory for entries of a few sizes, in units of 8 bytes. An address is the number of an entry's
 * first unit; it stays as long as the entry.
 *
 * I1 Growing copies at most one chunk, the last one: less than 1 MiB.
 * I2 What was freed is used again for entries of the same size only: walking the arena finds, at the
 *    end of each entry, the next. Memory never goes back.
 */
export class EntryArena {
  readonly #chunks: Chunk[] = [];
  /** The freed entry of a size that is used next; its first word leads to the one after. */
  readonly #freed = new Map<number, number>();

  chunkOf(address: number): Chunk {
    const chunk = this.#chunks[address >>> chunkBits];
    assert(chunk !== undefined, "an entry lies outside its arena");
    return chunk;
  }

  /** Reads what lies where an entry may be; 0 beyond the end. */
  peek(address: number): number {
    const chunk = this.#chunks[address >>> chunkBits];
    if (chunk === undefined) return 0;
    const word = wordOf(address);
    return (chunk.words[word] ?? 0) ^ (chunk.words[word + peekedWords] ?? 0);
  }

  /** Returns the address of memory for an entry. What is in it is undefined. */
  allocate(sizeUnits: number): number {
    const freed = this.#freed.get(sizeUnits) ?? noEntry;
    if (freed !== noEntry) {
      const next = this.chunkOf(freed).words[wordOf(freed)] ?? noEntry;
      this.#freed.set(sizeUnits, next);
      return freed;
    }
    const last = this.#chunks.at(-1);
    const hasRoom = last !== undefined && last.usedUnits + sizeUnits <= last.sizeUnits;
    const chunk = hasRoom ? last : this.#grow(sizeUnits);
    const address = (this.#chunks.length - 1) * chunkUnits + chunk.usedUnits;
    chunk.usedUnits += sizeUnits;
    return address;
  }

  /** The entry's first word is no longer its own. */
  free(address: number, sizeUnits: number): void {
    this.chunkOf(address).words[wordOf(address)] = this.#freed.get(sizeUnits) ?? noEntry;
    this.#freed.set(sizeUnits, address);
  }

  /** Returns the first address, or `noEntry` if nothing was ever allocated. */
  first(): number {
    return this.#chunks.length === 0 ? noEntry : 1;
  }

  /** Returns the address behind an entry, in ascending order, or `noEntry` behind the last one. */
  next(address: number, sizeUnits: number): number {
    const next = address + sizeUnits;
    if ((address & offsetMask) + sizeUnits < this.chunkOf(address).usedUnits) return next;
    const chunkIndex = (address >>> chunkBits) + 1;
    return chunkIndex < this.#chunks.length ? chunkIndex * chunkUnits : noEntry;
  }

  #grow(sizeUnits: number): Chunk {
    const last = this.#chunks.at(-1);
    if (last !== undefined && last.usedUnits + sizeUnits <= chunkUnits) {
      const aimUnits = Math.ceil(growthFactor * (last.usedUnits + sizeUnits));
      const grown = new Chunk(Math.min(chunkUnits, aimUnits));
      grown.words.set(last.words.subarray(0, last.usedUnits * 2));
      grown.usedUnits = last.usedUnits;
      this.#chunks[this.#chunks.length - 1] = grown;
      return grown;
    }
    assert(this.#chunks.length < maxChunks, "a key group has 16 GiB of numbers");
    const made = new Chunk(Math.max(last === undefined ? firstUnits : laterUnits, 2 * sizeUnits));
    // Address 0 says that there is no entry.
    if (last === undefined) made.usedUnits = 1;
    this.#chunks.push(made);
    return made;
  }
}

/** Returns the index of an entry's first word in its chunk. */
export function wordOf(address: number): number {
  return (address & offsetMask) * 2;
}

/** Returns the index of an entry's first unit in its chunk. */
export function unitOf(address: number): number {
  return address & offsetMask;
}
