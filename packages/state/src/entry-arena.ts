import { assert } from "@millrace/core";

/** In place of an address: there is no entry. */
export const noEntry = 0;

/** Of a chunk: 256 KiB, in units of 8 bytes; the largest entry has half of it. */
const chunkBits = 15;
const chunkUnits: number = 1 << chunkBits;
const offsetMask: number = chunkUnits - 1;
/** The first chunk begins so small: of most states a key group has little. */
const firstUnits = 64;
/** The others, and how much larger a chunk becomes when it is full: what is not used is memory too. */
const laterUnits = 16_384;
const growthFactor = 1.5;
/** Addresses are 32-bit integers, some of them negative: 32 GiB. */
const maxChunks: number = 2 ** (32 - chunkBits);
/** Of most entries the last word: they may begin in one line of the cache and end in the next. */
const peekedWord = 8;
const noWords = new Int32Array(0);

/** A piece of memory, seen as each of what entries are made of. */
export class Chunk {
  readonly number: number;
  readonly sizeUnits: number;
  readonly words: Int32Array;
  readonly doubles: Float64Array;
  readonly bytes: Uint8Array;
  readonly codeUnits: Uint16Array;
  usedUnits = 0;
  /** The number of the arena's next chunk; 0 behind the last. */
  next = 0;

  constructor(number: number, sizeUnits: number) {
    const buffer = new ArrayBuffer(sizeUnits * 8);
    this.number = number;
    this.sizeUnits = sizeUnits;
    this.words = new Int32Array(buffer);
    this.doubles = new Float64Array(buffer);
    this.bytes = new Uint8Array(buffer);
    this.codeUnits = new Uint16Array(buffer);
  }
}

/**
 * The chunks of several arenas, so that an address is enough to find an entry: it is the number of its
 * chunk and its first unit in there.
 */
export class ChunkTable {
  /** Number 0 is none, so that no address is 0. */
  readonly #chunks: (Chunk | undefined)[] = [undefined];
  /** Of each chunk, to be read ahead with as few steps as can be. */
  readonly #words: Int32Array[] = [noWords];

  chunkOf(address: number): Chunk {
    const chunk = this.#chunks[address >>> chunkBits];
    assert(chunk !== undefined, "an entry lies outside its arena");
    return chunk;
  }

  /** Reads two words of what may be an entry; any number does for an address. */
  peek(address: number): number {
    const words = this.#words[address >>> chunkBits] ?? noWords;
    const word = wordOf(address);
    return (words[word] ?? 0) ^ (words[word + peekedWord] ?? 0);
  }

  /** Returns a new chunk under the next number, or under that of the one it takes the place of. */
  add(sizeUnits: number, number: number = this.#chunks.length): Chunk {
    assert(number < maxChunks, "a state has 32 GiB of numbers in one subtask");
    const chunk = new Chunk(number, sizeUnits);
    this.#chunks[number] = chunk;
    this.#words[number] = chunk.words;
    return chunk;
  }
}

/**
 * Memory for entries of a few sizes, in units of 8 bytes. An address stays as long as its entry.
 *
 * I1 Growing copies at most one chunk, the last one: less than 256 KiB.
 * I2 What was freed is used again for entries of the same size only: walking the arena finds, at the
 *    end of each entry, the next. Memory never goes back.
 */
export class EntryArena {
  readonly #table: ChunkTable;
  #firstNumber = 0;
  #last: Chunk | undefined;
  /** The freed entry of a size that is used next; its first word leads to the one after. */
  readonly #freed = new Map<number, number>();

  constructor(table: ChunkTable) {
    this.#table = table;
  }

  chunkOf(address: number): Chunk {
    return this.#table.chunkOf(address);
  }

  /** Returns the address of memory for an entry. What is in it is undefined. */
  allocate(sizeUnits: number): number {
    const freed = this.#freed.get(sizeUnits) ?? noEntry;
    if (freed !== noEntry) {
      const next = this.chunkOf(freed).words[wordOf(freed)] ?? noEntry;
      this.#freed.set(sizeUnits, next);
      return freed;
    }
    const last = this.#last;
    const hasRoom = last !== undefined && last.usedUnits + sizeUnits <= last.sizeUnits;
    const chunk = hasRoom ? last : this.#grow(sizeUnits);
    const address = addressIn(chunk.number, chunk.usedUnits);
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
    return addressIn(this.#firstNumber, 0);
  }

  /** Returns the address behind an entry, in the order of allocation, or `noEntry` behind the last one. */
  next(address: number, sizeUnits: number): number {
    const chunk = this.chunkOf(address);
    if (unitOf(address) + sizeUnits < chunk.usedUnits) return (address + sizeUnits) | 0;
    return addressIn(chunk.next, 0);
  }

  #grow(sizeUnits: number): Chunk {
    const last = this.#last;
    if (last !== undefined && last.usedUnits + sizeUnits <= chunkUnits) {
      const aimUnits = Math.ceil(growthFactor * (last.usedUnits + sizeUnits));
      const grown = this.#table.add(Math.min(chunkUnits, aimUnits), last.number);
      grown.words.set(last.words.subarray(0, last.usedUnits * 2));
      grown.usedUnits = last.usedUnits;
      this.#last = grown;
      return grown;
    }
    const made = this.#table.add(
      Math.max(last === undefined ? firstUnits : laterUnits, 2 * sizeUnits),
    );
    if (last === undefined) this.#firstNumber = made.number;
    else last.next = made.number;
    this.#last = made;
    return made;
  }
}

function addressIn(chunkNumber: number, unit: number): number {
  return (chunkNumber << chunkBits) | unit;
}

/** Returns the index of an entry's first word in its chunk. */
export function wordOf(address: number): number {
  return (address & offsetMask) * 2;
}

/** Returns the index of an entry's first unit in its chunk. */
export function unitOf(address: number): number {
  return address & offsetMask;
}
