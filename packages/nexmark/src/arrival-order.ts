/*
 * The order in which events arrive: position p of the stream holds event `numberAt(p)`. A permutation
 * within groups, so that the events are the same in any order and none moves further than a group.
 */

export class ArrivalOrder {
  readonly #group: number;
  readonly #stride: number;
  /** From here on, events that fill no group arrive in order. */
  readonly #orderedFrom: number;

  /** `events` may be infinite. */
  constructor(group: number, events: number) {
    this.#group = group;
    this.#stride = findStride(group);
    this.#orderedFrom = events === Infinity ? Infinity : events - (events % group);
  }

  /** Returns the number of the event at a position. */
  numberAt(position: number): number {
    const group = this.#group;
    if (group === 1 || position >= this.#orderedFrom) return position;
    const offset = position % group;
    return position - offset + ((offset * this.#stride) % group);
  }

  /** Returns a number that no event at or behind the position is lower than. */
  lowestFrom(position: number): number {
    return position - (position % this.#group);
  }
}

/** Coprime to the group, so that all offsets occur; far from 1, so that neighbours are apart. */
function findStride(group: number): number {
  let stride = Math.max(1, Math.floor(group * 0.618));
  while (greatestDivisor(stride, group) !== 1) stride += 1;
  return stride;
}

function greatestDivisor(left: number, right: number): number {
  let [a, b] = [left, right];
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}
