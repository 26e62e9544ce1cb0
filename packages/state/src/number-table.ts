import { noEntry } from "./entry-arena.ts";
import { EntryIndex } from "./entry-index.ts";
import { NumberGroup } from "./number-group.ts";

/** The numbers of one state, by key group. */
export class NumberTable {
  readonly #groupStart: number;
  readonly #index = new EntryIndex();
  readonly #groups: (NumberGroup | undefined)[];

  constructor(groupStart: number, groupCount: number) {
    this.#groupStart = groupStart;
    this.#groups = Array.from({ length: groupCount });
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
    const made = new NumberGroup(keyGroup, this.#index);
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
  *sweep(through: number): Generator<void> {
    for (const numbers of this.#groups) if (numbers !== undefined) yield* numbers.sweep(through);
  }

  /** Puts the epochs up to this one together; no snapshot may be running. */
  compact(through: number, baseEpoch: number): void {
    for (const numbers of this.#groups) numbers?.compact(through, baseEpoch);
  }
}
