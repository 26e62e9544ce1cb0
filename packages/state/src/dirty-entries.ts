/** Shorter lists are kept, however few entries there are. */
const minWholeCount = 1_024;
/** Longer ones are not: growing them would hold the thread for milliseconds. */
const maxCount = 1 << 20;
const firstCount = 32;

/** Entries that were first written in an epoch, or in one of several that were put together. */
export interface DirtyList {
  /** The last epoch that it stands for. */
  readonly epoch: number;
  addresses: Int32Array;
  count: number;
  /** It names no entries any more: all of them have to be looked at. */
  isWhole: boolean;
}

/**
 * Which entries of a key group were written in which epoch.
 *
 * I1 Each entry that was written in an epoch stands in its list, or the list is whole. Lists may hold
 *    more: what an entry itself says of its epochs decides.
 * I2 A list names at most half of the entries: then looking at all of them costs as much.
 */
export class DirtyEntries {
  /** Ascending by epoch. */
  #lists: DirtyList[] = [];
  #last: DirtyList | undefined;

  /** `entryCount`: how many the group has. */
  add(address: number, epoch: number, entryCount: number): void {
    let list = this.#last;
    if (list?.epoch !== epoch) list = this.#open(epoch);
    if (list.isWhole) return;
    if (list.count === list.addresses.length && !grow(list, entryCount)) return;
    list.addresses[list.count] = address;
    list.count += 1;
  }

  /** Returns the lists of the epochs above `after`, to `through` and with it. */
  between({ after, through }: { after: number; through: number }): readonly DirtyList[] {
    return this.#lists.filter(({ epoch }) => epoch > after && epoch <= through);
  }

  /** Forgets the epochs up to this one. */
  forgetThrough(through: number): void {
    if ((this.#lists[0]?.epoch ?? Infinity) > through) return;
    this.#lists = this.#lists.filter(({ epoch }) => epoch > through);
    if (this.#lists.length === 0) this.#last = undefined;
  }

  /** Puts the epochs up to this one together. */
  mergeThrough(through: number): void {
    const merged = this.between({ after: 0, through });
    const last = merged.at(-1);
    if (last === undefined || merged.length === 1) return;
    this.forgetThrough(last.epoch - 1);
    last.isWhole = true;
    last.addresses = new Int32Array(0);
    last.count = 0;
  }

  #open(epoch: number): DirtyList {
    const list = { epoch, addresses: new Int32Array(firstCount), count: 0, isWhole: false };
    this.#lists.push(list);
    this.#last = list;
    return list;
  }
}

/** Returns false if the list became whole instead. */
function grow(list: DirtyList, entryCount: number): boolean {
  const { count, addresses } = list;
  list.isWhole = count >= minWholeCount && (count * 2 > entryCount || count >= maxCount);
  list.addresses = new Int32Array(list.isWhole ? 0 : 2 * count);
  if (!list.isWhole) list.addresses.set(addresses);
  return !list.isWhole;
}
