import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { KeyedBackend } from "./contract.ts";
import { createBackend, restore, use } from "./test-kit/backends.ts";
import { cut, fullBarrier, pauseAfter, runToEnd } from "./test-kit/snapshots.ts";
import type { TimeToLive } from "./time-to-live.ts";

function keysOf(backend: KeyedBackend, name: string): unknown[] {
  const keys: unknown[] = [];
  backend.forEachKey(name, (key) => {
    expect(backend.currentKey()).toEqual(key);
    keys.push(key);
  });
  return keys;
}

describe("forEachKey", () => {
  test("comes to every key of a plain state once, whatever its values are, and to no other", () => {
    const key = fc.oneof(fc.integer(), fc.string({ maxLength: 3 }), fc.tuple(fc.nat({ max: 9 })));
    const value = fc.constantFrom<unknown>(undefined, 1, 2.5, "text", { a: 1 });
    fc.assert(
      fc.property(fc.array(fc.tuple(key, value), { maxLength: 60, size: "max" }), (writes) => {
        const backend = createBackend();
        const state = backend.valueState<unknown>("n");
        backend.valueState<unknown>("other");
        const expected = new Map<string, unknown>();
        for (const [own, written] of writes) {
          use(backend, own).valueState("other").set(7);
          if (written === undefined) state.clear();
          else state.set(written);
          if (written === undefined) expected.delete(JSON.stringify(own));
          else expected.set(JSON.stringify(own), written);
        }
        const seen: [string, unknown][] = [];
        backend.forEachKey("n", (own) => seen.push([JSON.stringify(own), state.get()]));
        expect(seen.toSorted(byName)).toEqual([...expected].toSorted(byName));
      }),
    );
  });

  test("comes to a key once for all entries of its map, and not to one whose map is empty", () => {
    const backend = createBackend();
    const map = backend.mapState<string, number>("m");
    for (const key of ["a", "b", ["c", 1]]) {
      use(backend, key);
      map.set("x", 1);
      map.set("y", 2);
    }
    use(backend, "b");
    map.delete("x");
    map.delete("y");
    expect(keysOf(backend, "m")).toHaveLength(2);
    expect(keysOf(backend, "m")).toEqual(expect.arrayContaining(["a", ["c", 1]]));
  });

  test("lets what is called change, add to and clear what the key holds", () => {
    const backend = createBackend();
    const state = backend.valueState<unknown>("n");
    for (let key = 0; key < 100; key += 1) use(backend, key).valueState("n").set(key);
    backend.forEachKey("n", (key) => {
      const number = Number(key);
      if (number % 3 === 0) state.clear();
      // No number any more: the key moves from the number table to a cell.
      else if (number % 3 === 1) state.set(`was ${number}`);
      else state.set(number + 1_000);
    });
    expect(backend.cellCount()).toBe(66);
    use(backend, 4);
    expect(state.get()).toBe("was 4");
    use(backend, 5);
    expect(state.get()).toBe(1_005);
    expect(keysOf(backend, "n")).toHaveLength(66);
  });

  test("leaves out keys whose values have expired", () => {
    let nowMs = 0;
    const clock = (): number => nowMs;
    const ttl: TimeToLive = {
      afterMs: 100,
      refreshesOnRead: false,
      nowMs: clock,
      passedMs: () => -Infinity,
    };
    const backend = createBackend();
    const value = backend.valueState("v", ttl);
    const map = backend.mapState("m", ttl);
    for (const [key, writtenMs] of [
      ["old", 0],
      ["new", 60],
    ] as const) {
      nowMs = writtenMs;
      use(backend, key);
      value.set(1);
      map.set("x", 1);
    }
    nowMs = 100;
    expect(keysOf(backend, "v")).toEqual(["new"]);
    expect(keysOf(backend, "m")).toEqual(["new"]);
  });

  test("while a snapshot is encoded changes nothing of what that holds (I3)", () => {
    const backend = createBackend();
    const state = backend.valueState<number>("n");
    const map = backend.mapState<string, number>("m");
    const keys = Array.from({ length: 50 }, (_, index) => `key-${index}`);
    for (const key of keys) {
      use(backend, key);
      state.set(1);
      map.set("x", 1);
    }
    const { cursor, blocks } = cut(backend, fullBarrier(1));
    cursor.step(pauseAfter(10));
    backend.forEachKey("n", () => state.set(2));
    backend.forEachKey("m", () => map.clear());
    runToEnd(cursor);
    const restored = restore(createBackend(), blocks, 1);
    const values = keys.map((key) => use(restored, key).valueState("n").get());
    expect(values).toEqual(keys.map(() => 1));
    const entries = keys.map((key) => use(restored, key).mapState("m").get("x"));
    expect(entries).toEqual(keys.map(() => 1));
    use(backend, "key-7");
    expect([state.get(), map.isEmpty()]).toEqual([2, true]);
  });

  test("of a state that there is not comes to none", () => {
    expect(keysOf(createBackend(), "nothing")).toEqual([]);
  });
});

function byName([left]: readonly [string, unknown], [right]: readonly [string, unknown]): number {
  return left < right ? -1 : 1;
}
