import { ChunkTable, noEntry } from "./entry-arena.ts";
import { EntryIndex, mixHash } from "./entry-index.ts";
import { NumberGroup } from "./number-group.ts";

/** More keys ahead than this would push each other out of the nearest cache. */
export const maxLookAhead = 64;
/** A smaller table is near anyway. */
const minEntriesToLookAhead = 4_096;

/** The numbers of one state, by key group. */
export class NumberTable {
  readonly #groupStart: number;
  readonly #index = new EntryIndex();
  readonly #chunks = new ChunkTable();
  readonly #groups: (NumberGroup | undefined)[];
  readonly #ahead = new Int32Array(maxLookAhead);
  #seen = 0;

  constructor(options: { readonly groupStart: number; readonly groupCount: number }) {
    this.#groupStart = options.groupStart;
    this.#groups = Array.from({ length: options.groupCount });
  }

  /**
   * Reads the memory that look-ups of these hashes will read, one after the other: first the index,
   * then the entries. None waits for the one before it here, so that the processor fetches several at
   * once, which it cannot while each record runs to its end.
   */
  lookAhead(hashes: Int32Array, from: number, to: number): void {
    if (this.#index.entryCount < minEntriesToLookAhead) return;
    const ahead = this.#ahead;
    const count = Math.min(to - from, maxLookAhead);
    for (let at = 0; at < count; at += 1) {
      const hash = hashes[from + at] ?? 0;
      const mixed = mixHash(hash);
      const { slots, mask } = this.#index.pageOf(mixed);
      ahead[at] = slots[2 * (mixed & mask) + 1] ?? noEntry;
    }
    let seen = 0;
    for (let at = 0; at < count; at += 1) seen ^= this.#chunks.peek(ahead[at] ?? noEntry);
    // What nobody uses the compiler would not read.
    this.#seen = seen;
  }

  /** What was read ahead last, mixed. */
  get seen(): number {
    return this.#seen;
  }

  /** Returns undefined if the group has nothing, or is not the subtask's. */
  groupOf(keyGroup: number): NumberGroup | undefined {
    return this.#groups[keyGroup - this.#groupStart];
  }

  /** Returns one of the subtask's groups, made if need be. */
  ownGroup(keyGroup: number): NumberGroup {
    const index = keyGroup - this.#groupStart;
    const known = this.#groups[index];
    if (known !== undefined) return known;
    const made = new NumberGroup(keyGroup, { index: this.#index, chunks: this.#chunks });
    this.#groups[index] = made;
    return made;
  }

  /** Removes the group's entries of restores before the given one; returns how many were alive. */
  clearGroup(keyGroup: number, restoreNumber: number): number {
    const numbers = this.groupOf(keyGroup);
    if (numbers === undefined) return 0;
    const { liveCount } = numbers;
    for (let address = numbers.first(); address !== noEntry; address = numbers.next(address)) {
      const isEarlier = numbers.encodedByOf(address) < restoreNumber;
      if (!numbers.isFree(address) && isEarlier) numbers.free(address);
    }
    return liveCount - numbers.liveCount;
  }

  /** Frees tombstones that were last written up to the epoch, one a step. */
  *sweep(through: number): Generator<number> {
    for (const numbers of this.#groups) if (numbers !== undefined) yield* numbers.sweep(through);
  }

  /** Puts the epochs up to this one together; no snapshot may be running. */
  compact(through: number, baseEpoch: number): void {
    for (const numbers of this.#groups) numbers?.compact(through, baseEpoch);
  }
}
