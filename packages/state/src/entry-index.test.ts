import { keyHash } from "@millrace/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { noEntry } from "./entry-arena.ts";
import { EntryIndex, mixHash } from "./entry-index.ts";

/** Returns all addresses of the hash, ascending. */
function addressesOf(index: EntryIndex, hash: number): readonly number[] {
  const { slots, mask } = index.pageOf(mixHash(hash));
  const found: number[] = [];
  for (let at = mixHash(hash) & mask; ; at = (at + 1) & mask) {
    const address = slots[2 * at + 1] ?? noEntry;
    if (address === noEntry) return found.toSorted((left, right) => left - right);
    if (slots[2 * at] === hash) found.push(address);
  }
}

/** Returns a hash whose mixed form begins with 17 bits that are zero. */
function hashWithLowBits(bits: number): number {
  // The inverse of the odd factor modulo 2^32, by Newton's iteration.
  let inverse = 1;
  for (let round = 0; round < 5; round += 1) {
    inverse = Math.imul(inverse, 2 - Math.imul(0x9e3779b1, inverse));
  }
  return Math.imul(bits, inverse);
}

describe("an index of entries", () => {
  test("finds what was added and not removed, whatever the order", () => {
    const hash = fc.oneof(fc.constantFrom(0, 1, -1, 7), fc.integer({ min: -60, max: 60 }));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.boolean(), hash), { maxLength: 300, size: "max" }),
        (steps) => {
          const index = new EntryIndex();
          const expected = new Map<number, readonly number[]>();
          for (const [position, [isAdded, of]] of steps.entries()) {
            const known = expected.get(of) ?? [];
            const [first] = known;
            if (isAdded) {
              index.add(of, position + 1);
              expected.set(of, [...known, position + 1]);
            } else if (first !== undefined) {
              index.remove(of, first);
              expected.set(of, known.slice(1));
            }
          }
          for (const [of, addresses] of expected) expect(addressesOf(index, of)).toEqual(addresses);
        },
      ),
      { numRuns: 300 },
    );
  });

  test("removes the entry of its hash where another group's has the same address", () => {
    const index = new EntryIndex();
    // Probing for the second passes the first: both want the slot 1 of 16.
    const [first, second] = [hashWithLowBits(1), hashWithLowBits(17)];
    index.add(first, 1);
    index.add(second, 1);
    index.remove(second, 1);
    expect(addressesOf(index, first)).toEqual([1]);
    expect(addressesOf(index, second)).toEqual([]);
  });

  test("grows by pages of at most 32,768 slots", () => {
    const index = new EntryIndex();
    const count = 200_000;
    for (let number = 1; number <= count; number += 1) index.add(keyHash(number), number);
    let found = 0;
    let largestMask = 0;
    for (let number = 1; number <= count; number += 1) {
      if (addressesOf(index, keyHash(number)).includes(number)) found += 1;
      largestMask = Math.max(largestMask, index.pageOf(mixHash(keyHash(number))).mask);
    }
    expect([found, largestMask]).toEqual([count, 32_767]);
  });

  test("holds hashes that no page can be split by", () => {
    const index = new EntryIndex();
    const count = 32_768;
    for (let bits = 1; bits <= count; bits += 1) index.add(hashWithLowBits(bits % count), bits);
    // They lie in a row: looking for all addresses of one passes all of them.
    for (let bits = 1; bits < count; bits += 512) {
      expect(addressesOf(index, hashWithLowBits(bits))).toEqual([bits]);
    }
  });

  test("refuses a hash that collides with hundreds of others", () => {
    const index = new EntryIndex();
    let added = 0;
    while (index.add(12, added + 1)) added += 1;
    expect(added).toBeGreaterThan(500);
    expect(added).toBeLessThan(1_000);
    expect(index.add(13, 1)).toBe(true);
  });
});
