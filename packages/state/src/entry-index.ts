import { assert } from "@millrace/core";

import { noEntry } from "./entry-arena.ts";

const firstSlots = 16;
/** A page that is full at this size is split, not doubled: 256 KiB, copied in well under 1 ms. */
const maxSlots = 32_768;
/** Below so many bits of the hash pages are doubled all the same: nothing tells their keys apart. */
const maxDepth = 16;
/** Keys whose hashes collide so often are no accident; a table of them would be slow. */
const maxProbes = 512;

/** Open addressing with linear probing: pairs of a hash and an address; `noEntry` is a free slot. */
export class IndexPage {
  readonly slots: Int32Array;
  readonly mask: number;
  /** How many leading bits of the mixed hash are the same in all of it. */
  readonly depth: number;
  count = 0;

  constructor(slotCount: number, depth: number) {
    this.slots = new Int32Array(2 * slotCount);
    this.mask = slotCount - 1;
    this.depth = depth;
  }
}

/**
 * Addresses of entries by the hashes of their keys: extendible hashing (Fagin et al., 1979).
 *
 * I1 Growing moves at most the entries of one page, however many there are.
 * I2 A page is at most three quarters full.
 */
export class EntryIndex {
  /** By the leading bits of the mixed hash; a page that is not as deep stands there several times. */
  #pages: IndexPage[] = [new IndexPage(firstSlots, 0)];
  #depth = 0;
  #entryCount = 0;

  get entryCount(): number {
    return this.#entryCount;
  }

  /** Returns the page in which a key of this mixed hash stands, if it is there. */
  pageOf(mixed: number): IndexPage {
    // In two steps, as nothing can be shifted by 32.
    const page = this.#pages[(mixed >>> 1) >>> (31 - this.#depth)];
    assert(page !== undefined, "an index has a page for each hash");
    return page;
  }

  /** Returns false, and adds nothing, if too many hashes collide with this one. */
  add(hash: number, address: number): boolean {
    const mixed = mixHash(hash);
    let page = this.pageOf(mixed);
    while ((page.count + 1) * 4 > (page.mask + 1) * 3) {
      this.#grow(page, mixed);
      page = this.pageOf(mixed);
    }
    const { slots, mask } = page;
    let at = mixed & mask;
    for (let probes = 0; slots[2 * at + 1] !== noEntry; probes += 1) {
      if (probes === maxProbes) return false;
      at = (at + 1) & mask;
    }
    slots[2 * at] = hash;
    slots[2 * at + 1] = address;
    page.count += 1;
    this.#entryCount += 1;
    return true;
  }

  remove(hash: number, address: number): void {
    const page = this.pageOf(mixHash(hash));
    const { slots, mask } = page;
    let hole = mixHash(hash) & mask;
    while (slots[2 * hole + 1] !== address || slots[2 * hole] !== hash) {
      assert(slots[2 * hole + 1] !== noEntry, "an entry is in its index");
      hole = (hole + 1) & mask;
    }
    // What was pushed behind the hole by it moves up, so that probing ends at free slots.
    for (let at = (hole + 1) & mask; ; at = (at + 1) & mask) {
      const moved = slots[2 * at + 1] ?? noEntry;
      if (moved === noEntry) break;
      const movedHash = slots[2 * at] ?? 0;
      const home = mixHash(movedHash) & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      slots[2 * hole] = movedHash;
      slots[2 * hole + 1] = moved;
      hole = at;
    }
    slots[2 * hole + 1] = noEntry;
    page.count -= 1;
    this.#entryCount -= 1;
  }

  #grow(page: IndexPage, mixed: number): void {
    const slotCount = page.mask + 1;
    if (slotCount < maxSlots || page.depth === maxDepth) {
      const doubled = new IndexPage(2 * slotCount, page.depth);
      move(page, () => doubled);
      this.#replace(page, mixed, () => doubled);
      return;
    }
    if (page.depth === this.#depth) {
      this.#pages = this.#pages.flatMap((other) => [other, other]);
      this.#depth += 1;
    }
    const depth = page.depth + 1;
    const halves = [new IndexPage(slotCount, depth), new IndexPage(slotCount, depth)] as const;
    const halfOf = (bits: number): IndexPage => halves[bits === 0 ? 0 : 1];
    move(page, (moved) => halfOf((moved >>> (32 - depth)) & 1));
    this.#replace(page, mixed, (position) => halfOf((position >>> (this.#depth - depth)) & 1));
  }

  /** Puts other pages where the page stands; `mixed` is of one of its entries. */
  #replace(page: IndexPage, mixed: number, pageAt: (position: number) => IndexPage): void {
    const span = 1 << (this.#depth - page.depth);
    const start = ((mixed >>> 1) >>> (31 - this.#depth)) & ~(span - 1);
    for (let position = start; position < start + span; position += 1) {
      this.#pages[position] = pageAt(position);
    }
  }
}

/**
 * Returns the hash with its bits mixed anew: within a key group hashes agree in those bits that
 * chose the group. The leading bits choose the page, the low ones the slot.
 */
export function mixHash(hash: number): number {
  const mixed = Math.imul(hash, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}

function move(from: IndexPage, pageFor: (mixed: number) => IndexPage): void {
  const { slots } = from;
  for (let index = 0; index < slots.length; index += 2) {
    const address = slots[index + 1] ?? noEntry;
    if (address === noEntry) continue;
    const hash = slots[index] ?? 0;
    const mixed = mixHash(hash);
    const page = pageFor(mixed);
    let at = mixed & page.mask;
    while (page.slots[2 * at + 1] !== noEntry) at = (at + 1) & page.mask;
    page.slots[2 * at] = hash;
    page.slots[2 * at + 1] = address;
    page.count += 1;
  }
}
