import { DirtyEntries, type DirtyList } from "./dirty-entries.ts";
import { EntryArena, noEntry, unitOf, wordOf, type Chunk, type ChunkTable } from "./entry-arena.ts";
import { mixHash, type EntryIndex } from "./entry-index.ts";
import {
  codeUnitOf,
  entryWords as words,
  freeFlag,
  isRemovedIn,
  keyKinds as kinds,
  keyMask,
  kindMask,
  lengthMask,
  listedFlag,
  numberKeyUnit,
  removedFlag,
  setValueIn,
  sizeOf,
  textByteOf,
  textKindOf,
  valueIn,
} from "./number-entry.ts";

/**
 * The numbers of one state in one key group, by keys that are strings or numbers: entries in typed
 * arrays, where millions of them cost a garbage collector nothing. What snapshots know of an entry is
 * what a `Cell` knows of itself; the rules over it are in `heap-snapshot.ts`.
 *
 * I1 An address is good until its entry is freed: growing moves no entry.
 * I2 A removed entry stays as a tombstone until `sweep` or `compact` frees it.
 * I3 Each change of the epoch of an entry's last change goes through `noteDirty`.
 */
export class NumberGroup {
  readonly keyGroup: number;
  readonly #arena: EntryArena;
  readonly #index: EntryIndex;
  readonly #dirty = new DirtyEntries();
  /** Removed entries, and some that came back since. */
  #tombstones: number[] = [];
  /** Those that the running sweep has looked at. */
  #keptTombstones: number[] = [];
  #entryCount = 0;
  #liveCount = 0;

  /** Index and chunks are those of all groups of the state: a hash belongs to one of them. */
  constructor(
    keyGroup: number,
    shared: { readonly index: EntryIndex; readonly chunks: ChunkTable },
  ) {
    this.keyGroup = keyGroup;
    this.#index = shared.index;
    this.#arena = new EntryArena(shared.chunks);
  }

  get liveCount(): number {
    return this.#liveCount;
  }

  /** Returns the key's entry, a tombstone too, or `noEntry`. */
  find(key: unknown, hash: number): number {
    if (typeof key === "string") {
      return key.length <= lengthMask ? this.#findText(key, hash) : noEntry;
    }
    return typeof key === "number" ? this.#findNumber(key, hash) : noEntry;
  }

  /**
   * Adds the key, without a value: a tombstone so far. Returns `noEntry`, and adds nothing, if the
   * key is neither string nor number, or its hash collides with too many.
   */
  add(key: unknown, hash: number, createdEpoch: number): number {
    if (typeof key !== "string" && typeof key !== "number") return noEntry;
    if (typeof key === "string" && key.length > lengthMask) return noEntry;
    const what = typeof key === "string" ? key.length | textKindOf(key) : kinds.number;
    const size = sizeOf(what);
    const address = this.#arena.allocate(size);
    if (!this.#index.add(hash, address)) {
      this.#setWord(address, words.what, what | freeFlag);
      this.#arena.free(address, size);
      return noEntry;
    }
    this.#setWord(address, words.hash, hash);
    this.#setWord(address, words.what, what | removedFlag);
    this.#setWord(address, words.dirtyEpoch, 0);
    this.#setWord(address, words.createdEpoch, createdEpoch);
    this.#setWord(address, words.encodedBy, 0);
    this.#writeOwnKey(address, key, what);
    this.#entryCount += 1;
    return address;
  }

  /** Returns the memory in which the entry lies, until the next `add`. */
  chunkOf(address: number): Chunk {
    return this.#arena.chunkOf(address);
  }

  /** Returns undefined for a tombstone. */
  valueOf(address: number): number | undefined {
    return valueIn(this.#arena.chunkOf(address), address);
  }

  /** Returns how many more live entries there are by that: 1 or 0. */
  setValue(address: number, value: number): number {
    const chunk = this.#arena.chunkOf(address);
    setValueIn(chunk, address, value);
    if (!isRemovedIn(chunk, address)) return 0;
    this.#setWord(address, words.what, this.#word(address, words.what) & ~removedFlag);
    this.#liveCount += 1;
    return 1;
  }

  /** Makes the entry a tombstone; returns how many more live entries there are by that: -1 or 0. */
  remove(address: number): number {
    const what = this.#word(address, words.what);
    if ((what & removedFlag) !== 0) return 0;
    if ((what & listedFlag) === 0) this.#tombstones.push(address);
    this.#setWord(address, words.what, what | removedFlag | listedFlag);
    this.#liveCount -= 1;
    return -1;
  }

  /** Takes the entry out for good; its address may become another's. */
  free(address: number): void {
    const what = this.#word(address, words.what);
    if ((what & removedFlag) === 0) this.#liveCount -= 1;
    this.#index.remove(this.#word(address, words.hash), address);
    this.#setWord(address, words.what, (what & keyMask) | freeFlag);
    this.#arena.free(address, sizeOf(what));
    this.#entryCount -= 1;
  }

  dirtyEpochOf(address: number): number {
    return this.#word(address, words.dirtyEpoch);
  }

  createdEpochOf(address: number): number {
    return this.#word(address, words.createdEpoch);
  }

  encodedByOf(address: number): number {
    return this.#word(address, words.encodedBy);
  }

  noteEncoded(address: number, snapshot: number): void {
    this.#setWord(address, words.encodedBy, snapshot);
  }

  /** The entry changes in the epoch, for the first time. */
  noteDirty(address: number, epoch: number): void {
    this.#setWord(address, words.dirtyEpoch, epoch);
    this.#dirty.add(address, epoch, this.#entryCount);
  }

  /** Returns lists of all entries that were written after the one epoch and up to the other. */
  dirtyLists(epochs: { after: number; through: number }): readonly DirtyList[] {
    return this.#dirty.between(epochs);
  }

  /** Returns the address of the first entry, or `noEntry`; those that were freed come as well. */
  first(): number {
    return this.#arena.first();
  }

  next(address: number): number {
    return this.#arena.next(address, sizeOf(this.#word(address, words.what)));
  }

  /** Returns the address behind entries of so many units, from an address on; as `next`. */
  behind(address: number, units: number): number {
    return this.#arena.next(address, units);
  }

  isFree(address: number): boolean {
    return (this.#word(address, words.what) & freeFlag) !== 0;
  }

  /** Frees the tombstones that were last written up to the epoch, which a base covers now. */
  *sweep(through: number): Generator<number> {
    this.#dirty.forgetThrough(through);
    for (;;) {
      const address = this.#tombstones.pop();
      if (address === undefined) break;
      this.#sweepOne(address, this.dirtyEpochOf(address) <= through);
      yield 1;
    }
    this.#tombstones = this.#keptTombstones;
    this.#keptTombstones = [];
  }

  /**
   * Puts the epochs up to this one together, and frees what was made since the base and is gone; no
   * snapshot may be running.
   */
  compact(through: number, baseEpoch: number): void {
    this.#dirty.mergeThrough(through);
    const tombstones = [...this.#keptTombstones, ...this.#tombstones];
    this.#keptTombstones = [];
    for (const address of tombstones) {
      const isUnknown = this.createdEpochOf(address) > baseEpoch;
      this.#sweepOne(address, isUnknown && this.dirtyEpochOf(address) <= through);
    }
    this.#tombstones = this.#keptTombstones;
    this.#keptTombstones = [];
  }

  #sweepOne(address: number, isCovered: boolean): void {
    const what = this.#word(address, words.what);
    if ((what & removedFlag) === 0) this.#setWord(address, words.what, what & ~listedFlag);
    else if (isCovered) this.free(address);
    else this.#keptTombstones.push(address);
  }

  #findText(key: string, hash: number): number {
    const mixed = mixHash(hash);
    const { slots, mask } = this.#index.pageOf(mixed);
    for (let at = mixed & mask; ; at = (at + 1) & mask) {
      const address = slots[2 * at + 1] ?? noEntry;
      if (address === noEntry) return noEntry;
      if (slots[2 * at] === hash && this.#hasText(address, key)) return address;
    }
  }

  #findNumber(key: number, hash: number): number {
    const mixed = mixHash(hash);
    const { slots, mask } = this.#index.pageOf(mixed);
    for (let at = mixed & mask; ; at = (at + 1) & mask) {
      const address = slots[2 * at + 1] ?? noEntry;
      if (address === noEntry) return noEntry;
      if (slots[2 * at] === hash && this.#hasNumber(address, key)) return address;
    }
  }

  #hasText(address: number, key: string): boolean {
    const { length } = key;
    const chunk = this.#arena.chunkOf(address);
    const what = (chunk.words[wordOf(address) + words.what] ?? 0) & keyMask;
    if (what === (length | kinds.latin1)) {
      const start = textByteOf(address);
      const { bytes } = chunk;
      for (let index = 0; index < length; index += 1) {
        if (bytes[start + index] !== key.charCodeAt(index)) return false;
      }
      return true;
    }
    if (what !== (length | kinds.utf16)) return false;
    const start = codeUnitOf(address);
    const { codeUnits } = chunk;
    for (let index = 0; index < length; index += 1) {
      if (codeUnits[start + index] !== key.charCodeAt(index)) return false;
    }
    return true;
  }

  #hasNumber(address: number, key: number): boolean {
    const chunk = this.#arena.chunkOf(address);
    const what = (chunk.words[wordOf(address) + words.what] ?? 0) & keyMask;
    if (what !== kinds.number) return false;
    const known = chunk.doubles[unitOf(address) + numberKeyUnit];
    // As keys, all that are not a number are one.
    return known === key || (Number.isNaN(key) && Number.isNaN(known));
  }

  #writeOwnKey(address: number, key: string | number, what: number): void {
    const chunk = this.#arena.chunkOf(address);
    if (typeof key === "number") {
      // As in the bytes of a key: -0 is 0.
      chunk.doubles[unitOf(address) + numberKeyUnit] = key + 0;
      return;
    }
    const isWide = (what & kindMask) === kinds.utf16;
    const target = isWide ? chunk.codeUnits : chunk.bytes;
    const start = isWide ? codeUnitOf(address) : textByteOf(address);
    for (let index = 0; index < key.length; index += 1) {
      target[start + index] = key.charCodeAt(index);
    }
  }

  #word(address: number, word: number): number {
    return this.#arena.chunkOf(address).words[wordOf(address) + word] ?? 0;
  }

  #setWord(address: number, word: number, value: number): void {
    this.#arena.chunkOf(address).words[wordOf(address) + word] = value;
  }
}
