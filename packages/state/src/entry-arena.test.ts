import fc from "fast-check";
import { expect, test } from "vitest";

import { ChunkTable, EntryArena, noEntry, wordOf } from "./entry-arena.ts";

test("arenas of one table keep their entries apart, and each is walked in its own order", () => {
  const steps = fc.array(
    fc.record({ arena: fc.nat(2), size: fc.integer({ min: 1, max: 9_000 }) }),
    {
      maxLength: 60,
    },
  );
  fc.assert(
    fc.property(steps, (program) => {
      const table = new ChunkTable();
      const arenas = [0, 1, 2].map(() => ({ arena: new EntryArena(table), made: [] as number[] }));
      const sizes = new Map<number, number>();
      for (const [index, { arena: which, size }] of program.entries()) {
        const one = arenas[which];
        const address = one?.arena.allocate(size) ?? noEntry;
        expect(address).not.toBe(noEntry);
        expect(sizes.has(address)).toBe(false);
        table.chunkOf(address).words.fill(index, wordOf(address), wordOf(address) + 2 * size);
        sizes.set(address, size);
        one?.made.push(address);
      }
      for (const { arena, made } of arenas) {
        const walked: number[] = [];
        let address = arena.first();
        while (address !== noEntry) {
          walked.push(address);
          address = arena.next(address, sizes.get(address) ?? 1);
        }
        expect(walked).toEqual(made);
      }
      let index = 0;
      for (const [address, size] of sizes) {
        const { words } = table.chunkOf(address);
        const own = words.subarray(wordOf(address), wordOf(address) + 2 * size);
        expect(own.every((word) => word === index)).toBe(true);
        index += 1;
      }
    }),
    { numRuns: 50 },
  );
});

test("what is freed is used again for an entry of its size, also where addresses are negative", () => {
  const table = new ChunkTable();
  const half = 2 ** 16;
  for (let number = 1; number < half; number += 1) table.add(1, number);
  const arena = new EntryArena(table);
  const first = arena.allocate(8);
  const second = arena.allocate(8);
  expect([first < 0, second < 0]).toEqual([true, true]);
  arena.free(first, 8);
  expect(arena.allocate(9)).not.toBe(first);
  expect(arena.allocate(8)).toBe(first);
  expect(table.peek(123)).toBe(0);
  expect([arena.first(), arena.next(first, 8)]).toEqual([first, second]);
});
