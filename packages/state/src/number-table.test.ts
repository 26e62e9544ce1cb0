import { keyHash } from "@millrace/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { StateBlock } from "./contract.ts";
import { createBackend, numberLayouts, restore, use } from "./test-kit/backends.ts";
import { collidingKeys } from "./test-kit/colliding-keys.ts";
import { entryCount, sectionsOf } from "./test-kit/read-block.ts";
import { cut, deltaBarrier, fullBarrier, runToEnd, takeSnapshot } from "./test-kit/snapshots.ts";
import { undividedOperations } from "./test-kit/value-operations.ts";
import { contents, ValueRun } from "./test-kit/value-runs.ts";

/** What the blocks say, without the order of the entries of a group. */
function described(blocks: readonly StateBlock[]): readonly unknown[] {
  return blocks.map((block) => {
    const sections = sectionsOf(block).map(({ group, sizeBytes, entries }) => {
      return { group, sizeBytes, entries: entries.map((entry) => fc.stringify(entry)).toSorted() };
    });
    const { role, groupStart, groupEnd, cellCount } = block;
    return { role, groupStart, groupEnd, cellCount, sections };
  });
}

describe("numbers in tables", () => {
  // Where a snapshot takes several steps, its end may come a step later in one than in the other: then
  // their next bases fall to other groups, and a tombstone may not be swept out yet that comes again.
  // What both have to say all the same, and may, is in `snapshot-chain.test.ts`.
  test("give the same blocks as cells, up to the order of a group's entries", () => {
    fc.assert(
      fc.property(undividedOperations, (operations) => {
        const inTables = new ValueRun(true);
        const inCells = new ValueRun(false);
        for (const step of operations) {
          inTables.apply(step);
          inCells.apply(step);
        }
        inTables.finish();
        inCells.finish();
        const said = [inTables, inCells].map(({ taken }) =>
          taken.map(({ blocks }) => described(blocks)),
        );
        expect(said[0]).toEqual(said[1]);
        expect(contents(inTables.live)).toEqual(contents(inCells.live));
        expect(inTables.live.cellCount()).toBe(inCells.live.cellCount());
      }),
      { numRuns: 500 },
    );
  });

  test.each(numberLayouts)(
    "with %s: a removal that a base covers is swept out where the next snapshot ends, whichever began first",
    (_name, usesNumberTables) => {
      const live = createBackend({ usesNumberTables, maxParallelism: 1 });
      const total = use(live, "a").valueState<number>("total");
      total.set(1);
      takeSnapshot(live, fullBarrier(1));
      total.clear();
      takeSnapshot(live, deltaBarrier(2, { since: 1 }));
      const running = cut(live, deltaBarrier(3, { since: 1 }));
      const waiting = cut(live, deltaBarrier(4, { since: 2 }));
      runToEnd(running.cursor);
      total.set(2);
      total.clear();
      runToEnd(waiting.cursor);
      // Of a key that came and went since the base nothing has to be said.
      expect(entryCount(takeSnapshot(live, deltaBarrier(5, { since: 2 })))).toBe(0);
    },
  );

  test("hold many keys of one group, whose deltas hold what changed and nothing else", () => {
    const live = createBackend({ maxParallelism: 1 });
    const total = live.valueState<number>("total");
    const count = 100_000;
    for (let index = 0; index < count; index += 1) {
      use(live, index % 2 === 0 ? index : `word-${index}`);
      total.set(index);
    }
    expect(entryCount(takeSnapshot(live, fullBarrier(1)))).toBe(count);
    for (let index = 0; index < count; index += 1) {
      use(live, index % 2 === 0 ? index : `word-${index}`);
      expect(total.get()).toBe(index);
      if (index % 10 === 0) total.clear();
    }
    expect(entryCount(takeSnapshot(live, deltaBarrier(2, { since: 1 })))).toBe(count / 10);
    // More than half of them: the list of changes was given up.
    for (let index = 0; index < 60_000; index += 1) {
      use(live, index % 2 === 0 ? index : `word-${index}`);
      total.set(-index);
    }
    expect(entryCount(takeSnapshot(live, deltaBarrier(3, { since: 2 })))).toBe(60_000);
    expect(live.cellCount()).toBe(count - 4_000);
    expect(entryCount(takeSnapshot(live, deltaBarrier(4, { since: 3 })))).toBe(0);
  });

  test("leave what changed behind the barrier only out of a delta, with no list of changes too (I3)", () => {
    const live = createBackend({ maxParallelism: 1 });
    const total = live.valueState<number>("total");
    const write = (key: number, value: number): void => {
      use(live, key);
      total.set(value);
    };
    for (let key = 0; key < 3_000; key += 1) write(key, 1);
    const full = takeSnapshot(live, fullBarrier(1));
    for (let key = 0; key < 2_900; key += 1) write(key, 2);
    const { cursor, blocks } = cut(live, deltaBarrier(2, { since: 1 }));
    write(2_950, 3);
    runToEnd(cursor);
    expect(entryCount(blocks)).toBe(2_900);
    const restored = restore(createBackend({ maxParallelism: 1 }), [...full, ...blocks], 2);
    expect(use(restored, 2_950).valueState("total").get()).toBe(1);
  });

  test("keep a key that its hash does not tell from hundreds of others", () => {
    const live = createBackend();
    const total = live.valueState<number>("total");
    const colliding = collidingKeys(2_000);
    const setAll = (): void => {
      for (const [index, key] of colliding.entries()) {
        use(live, key);
        const cell = total.cellForUpdate();
        cell.value = (cell.value ?? 0) + index;
      }
    };
    setAll();
    setAll();
    expect(new Set(colliding.map(keyHash)).size).toBe(1);
    for (const usesNumberTables of [true, false]) {
      const restored = restore(
        createBackend({ usesNumberTables }),
        takeSnapshot(live, fullBarrier(1)),
        1,
      );
      for (const [index, key] of colliding.entries()) {
        expect(use(restored, key).valueState("total").get()).toBe(2 * index);
      }
    }
  });

  test("forget removed keys once a base covers that, and use their memory again", () => {
    const live = createBackend({ maxParallelism: 1 });
    const total = live.valueState<number>("total");
    let head: number | undefined;
    for (let round = 1; round <= 50; round += 1) {
      for (let index = 0; index < 500; index += 1) {
        use(live, `round-${round}-${index}`);
        total.set(index);
      }
      takeSnapshot(live, deltaBarrier(2 * round - 1, { since: head }));
      for (let index = 0; index < 500; index += 1) {
        use(live, `round-${round}-${index}`);
        total.clear();
      }
      expect(live.cellCount()).toBe(0);
      const removals = takeSnapshot(live, deltaBarrier(2 * round, { since: 2 * round - 1 }));
      expect(entryCount(removals)).toBeLessThanOrEqual(500);
      head = 2 * round;
    }
  });
});

test("looking ahead changes nothing, whatever the hashes are", () => {
  const backend = createBackend();
  const state = backend.valueState<number>("sum");
  for (let key = 0; key < 6_000; key += 1) {
    use(backend, `key-${key}`);
    state.set(key);
    if (key % 7 === 0) state.clear();
  }
  const readAll = (): readonly (number | undefined)[] =>
    Array.from({ length: 6_001 }, (_, key) => {
      use(backend, `key-${key}`);
      return state.get();
    });
  const before = readAll();
  const hashes = fc.int32Array({ minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(hashes, fc.nat(200), (ahead, from) => {
      for (let index = 0; index < ahead.length; index += 2) ahead[index] = keyHash(`key-${index}`);
      backend.lookAhead(ahead, Math.min(from, ahead.length), ahead.length);
      backend.lookAhead(ahead, 0, ahead.length + 5);
    }),
    { numRuns: 30 },
  );
  expect(readAll()).toEqual(before);
  expect(backend.cellCount()).toBe(before.filter((value) => value !== undefined).length);
});
