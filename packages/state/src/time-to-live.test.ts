import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { StateBlock } from "./contract.ts";
import { createBackend, restore, use } from "./test-kit/backends.ts";
import { outcomeOf, withBrokenByte } from "./test-kit/broken-blocks.ts";
import { fromHex, toHex } from "./test-kit/hex.ts";
import { entryCount } from "./test-kit/read-block.ts";
import { cut, deltaBarrier, fullBarrier, takeSnapshot } from "./test-kit/snapshots.ts";
import type { TimeToLive } from "./time-to-live.ts";

/** A backend whose time the test sets; what it restores is of checkpoint 2. */
class World {
  readonly time = { nowMs: 0 };
  readonly ttl: TimeToLive = {
    afterMs: 100,
    refreshesOnRead: false,
    nowMs: () => this.time.nowMs,
    passedMs: () => this.time.nowMs,
  };
  readonly backend = createBackend();

  constructor(blocks: readonly StateBlock[] = [], nowMs = 0, hasTtl = true) {
    this.time.nowMs = nowMs;
    const ttl = hasTtl ? this.ttl : undefined;
    this.backend.valueState("last", ttl);
    this.backend.mapState("pages", ttl);
    if (blocks.length > 0) restore(this.backend, blocks, 2);
  }

  at(nowMs: number, key: unknown) {
    this.time.nowMs = nowMs;
    use(this.backend, key);
    return {
      last: this.backend.valueState<unknown>("last", this.ttl),
      pages: this.backend.mapState<string, unknown>("pages", this.ttl),
    };
  }
}

describe("an entry", () => {
  test("is there until its time to live has passed, and not from then on", () => {
    const world = new World();
    world.at(0, "ann").last.set("x");
    world.at(0, "ann").pages.set("home", 1);
    expect(world.at(99, "ann").last.get()).toBe("x");
    expect(world.at(99, "ann").pages.get("home")).toBe(1);
    const { last, pages } = world.at(100, "ann");
    expect([last.get(), last.cellForUpdate().value, pages.get("home")]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect([pages.has("home"), pages.isEmpty(), [...pages.entries()]]).toEqual([false, true, []]);
  });

  test("that is written again counts from then on", () => {
    const world = new World();
    world.at(0, "ann").last.set("x");
    world.at(90, "ann").last.set("y");
    expect(world.at(189, "ann").last.get()).toBe("y");
    expect(world.at(190, "ann").last.get()).toBeUndefined();
  });

  test("that is dropped while its key is current can be written all the same", () => {
    const world = new World();
    world.at(0, "ann").last.set("old");
    const { last } = world.at(200, "ann");
    expect(last.get()).toBeUndefined();
    last.set("new");
    expect(world.at(200, "ann").last.get()).toBe("new");
  });

  test("of a map expires by itself", () => {
    const world = new World();
    world.at(0, "ann").pages.set("home", 1);
    world.at(50, "ann").pages.set("cart", 2);
    expect([...world.at(120, "ann").pages.entries()]).toEqual([["cart", 2]]);
  });
});

describe("memory", () => {
  test.each(["value", "map"] as const)(
    "of a %s state follows what is alive, though nobody reads",
    (kind) => {
      const world = new World();
      let most = 0;
      // Each millisecond brings ten keys that never come again: a thousand are alive.
      for (let count = 0; count < 50_000; count += 1) {
        const { last, pages } = world.at(Math.floor(count / 10), `key-${count}`);
        if (kind === "value") last.set(count);
        else pages.set("home", count);
        most = Math.max(most, world.backend.cellCount());
      }
      expect(most).toBeLessThan(1_500);
    },
  );

  test("is given back by a base, which does not hold what had expired at its barrier", () => {
    const world = new World();
    for (let count = 0; count < 500; count += 1) world.at(0, `key-${count}`).last.set(count);
    world.at(60, "late").last.set("x");
    world.at(120, "late");
    const blocks = takeSnapshot(world.backend, fullBarrier(1));
    expect(world.backend.cellCount()).toBe(1);
    expect(entryCount(blocks)).toBe(1);
  });
});

describe("over snapshots", () => {
  test("an entry that expires while a snapshot is encoded is in it as it was at the barrier", () => {
    const world = new World();
    for (let count = 0; count < 400; count += 1) world.at(0, `key-${count}`).last.set(count);
    const { cursor, blocks } = cut(world.backend, fullBarrier(1));
    for (let count = 0; count < 400; count += 1) world.at(200, `new-${count}`).last.set(count);
    while (!cursor.step(() => true));
    const restored = new World(blocks, 50);
    for (let count = 0; count < 400; count += 1) {
      expect(restored.at(50, `key-${count}`).last.get()).toBe(count);
    }
    expect(restored.at(50, "new-1").last.get()).toBeUndefined();
  });

  test("an entry that was dropped, written again and cleared does not come back from the base", () => {
    const world = new World();
    world.at(0, "ann").last.set("old");
    const base = takeSnapshot(world.backend, fullBarrier(1));
    for (let count = 0; count < 50; count += 1) world.at(200, `new-${count}`).last.set(count);
    expect(world.backend.cellCount()).toBe(50);
    world.at(210, "ann").last.set("new");
    world.at(210, "ann").last.clear();
    const delta = takeSnapshot(world.backend, deltaBarrier(2, { since: 1 }));
    const restored = new World([...base, ...delta], 210);
    expect(restored.at(210, "ann").last.get()).toBeUndefined();
    expect(restored.at(210, "new-7").last.get()).toBe(7);
  });

  test.each(["value", "map"] as const)(
    "a %s that was cleared and written at an earlier time does not give way to the one before",
    (kind) => {
      const world = new World();
      const at = (nowMs: number) => {
        const { last, pages } = world.at(nowMs, "ann");
        return kind === "value"
          ? last
          : {
              get: () => pages.get("home"),
              set: (value: unknown) => pages.set("home", value),
              clear: () => pages.delete("home"),
            };
      };
      at(50).set("first");
      const base = takeSnapshot(world.backend, fullBarrier(1));
      at(10).clear();
      at(10).set("second");
      for (let count = 0; count < 50; count += 1) {
        const { last, pages } = world.at(120, `new-${count}`);
        last.set(count);
        pages.set("home", count);
      }
      const delta = takeSnapshot(world.backend, deltaBarrier(2, { since: 1 }));
      const after = new World([...base, ...delta], 120).at(120, "ann");
      expect([after.last.get(), after.pages.get("home")]).toEqual([undefined, undefined]);
    },
  );

  test("an entry that was dropped and written again in one epoch is in the delta", () => {
    const world = new World();
    world.at(0, "ann").last.set("old");
    const base = takeSnapshot(world.backend, fullBarrier(1));
    world.at(90, "ann").last.set("older");
    for (let count = 0; count < 50; count += 1) world.at(200, `new-${count}`).last.set(count);
    world.at(210, "ann").last.set("new");
    const delta = takeSnapshot(world.backend, deltaBarrier(2, { since: 1 }));
    expect(new World([...base, ...delta], 210).at(220, "ann").last.get()).toBe("new");
  });

  test("a state that gets a time to live counts from when an entry is first looked at", () => {
    const before = createBackend();
    use(before, "bob").valueState("last").set("x");
    use(before, "ann").valueState("last").set(1);
    before.mapState("pages").set("home", 1);
    const after = new World(takeSnapshot(before, fullBarrier(2)), 1_000);
    expect(after.at(1_000, "ann").last.get()).toBe(1);
    expect(after.at(1_000, "bob").last.get()).toBe("x");
    expect(after.at(1_000, "ann").pages.get("home")).toBe(1);
    expect(after.at(1_100, "ann").last.get()).toBeUndefined();
    expect(after.at(1_100, "ann").pages.get("home")).toBeUndefined();
  });

  test("a state that loses its time to live keeps its entries", () => {
    const before = new World();
    before.at(0, "ann").last.set(1);
    before.at(0, "ann").pages.set("home", 1);
    const blocks = takeSnapshot(before.backend, fullBarrier(2));
    const { backend } = new World(blocks, 0, false);
    expect(use(backend, "ann").valueState("last").get()).toBe(1);
    expect(backend.mapState("pages").get("home")).toBe(1);
  });
});

/** A base and a delta of states with a time to live, of maps, and of timers of processing time. */
function example(): readonly StateBlock[] {
  const world = new World();
  world.at(5, "SFO").last.set({ flights: 3 });
  world.at(6, ["a", 1n]).last.set(7);
  world.at(7, "SFO").pages.set("home", "x");
  world.at(8, "SFO").pages.set("cart", 2);
  world.backend.mapState("plain").set(4, "four");
  world.backend.timers("processing-time").register(5_000);
  const full = takeSnapshot(world.backend, fullBarrier(1));
  world.at(20, "SFO").last.clear();
  world.at(21, "SFO").pages.delete("home");
  world.at(22, "JFK").pages.set("home", -1);
  const delta = takeSnapshot(world.backend, deltaBarrier(2, { since: 1 }));
  return [...full, ...delta];
}

test("format version 3 of a keyed block is frozen (D4)", () => {
  expect(example().map(({ bytes }) => toHex(bytes))).toEqual(frozen3());
});

test("blocks of format version 3 are read (D4)", () => {
  const world = new World(
    example().map((block, index) => ({ ...block, bytes: fromHex(frozen3()[index] ?? "") })),
  );
  expect(world.at(30, "SFO").last.get()).toBeUndefined();
  expect(world.at(30, ["a", 1n]).last.get()).toBe(7);
  expect([...world.at(30, "SFO").pages.entries()]).toEqual([["cart", 2]]);
  expect([...world.at(30, "JFK").pages.entries()]).toEqual([["home", -1]]);
  expect(world.at(106, ["a", 1n]).last.get()).toBeUndefined();
  world.at(30, "SFO");
  expect([...world.backend.mapState("plain").entries()]).toEqual([[4, "four"]]);
  const timers = world.backend.timers("processing-time");
  expect(timers.popDue(Infinity)).toMatchObject({ timeMs: 5_000, key: "SFO" });
});

test("broken blocks of version 3 are refused or read as something, but end", () => {
  fc.assert(
    fc.property(withBrokenByte(example()), (broken) => {
      const outcome = outcomeOf(() => readAll(new World(broken, 30)));
      expect(["read", "decode-failed", "state-incompatible"]).toContain(outcome);
    }),
    { numRuns: 2_000 },
  );
});

function readAll(world: World): void {
  for (const key of ["SFO", "JFK"]) {
    const { last, pages } = world.at(30, key);
    last.get();
    for (const [page] of pages.entries()) pages.delete(page);
  }
}

function frozen3(): readonly string[] {
  return [
    "03010101000000000000000402160070726f63657373696e672d74696d652d74696d657273100400" +
      "6c6173741305007061676573030500706c61696e001d00000004c411ceab08020000060100006100" +
      "040100000100000000000018408702af00000000000000000088b3406a3bed420603000053004600" +
      "4f00046a3bed4206030000530046004f00000000000000144020010700666c696768747383086a3b" +
      "ed420802000006030000530046004f000604000068006f006d0065000000000000001c404178086a" +
      "3bed420802000006030000530046004f000604000063006100720074000000000000002040820c6a" +
      "3bed420802000006030000530046004f0003000000000000000000104044666f7572",
    "0301010200000000000000021004006c61737413050070616765730029000000044460c12f080200" +
      "00060300004a0046004b000604000068006f006d006500000000000000364004010226000000056a" +
      "3bed420802000006030000530046004f000604000068006f006d0065000308010353464f",
  ];
}
