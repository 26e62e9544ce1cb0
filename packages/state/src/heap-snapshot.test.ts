import { describe, expect, test } from "vitest";

import type { KeyedBackend } from "./contract.ts";
import { createBackend, numberLayouts, restore, use } from "./test-kit/backends.ts";
import { entryCount } from "./test-kit/read-block.ts";
import { cut, deltaBarrier, fullBarrier, runToEnd, takeSnapshot } from "./test-kit/snapshots.ts";

const maxParallelism = 8;

describe.each(numberLayouts)("with %s", (_name, usesNumberTables) => {
  const create = (): KeyedBackend => createBackend({ maxParallelism, usesNumberTables });

  test("a pane that was dropped and came back keeps its cells, encoded early or not (I3)", () => {
    const live = create();
    const panes = live.paneState<number>("panes");
    use(live, "a");
    panes.cellForUpdate(0).value = 1;
    const full = takeSnapshot(live, fullBarrier(1));
    panes.dropPane(0);
    panes.cellForUpdate(0).value = 2;
    const { cursor, blocks } = cut(live, deltaBarrier(2, { since: 1 }));
    // The cell is encoded here, before the cursor comes to the drop.
    panes.cellForUpdate(0).value = 3;
    runToEnd(cursor);
    const restored = use(restore(create(), [...full, ...blocks], 2), "a");
    expect(restored.paneState("panes").get(0)).toBe(2);
  });

  test("after an aborted checkpoint the next delta reaches back to the same base", () => {
    const live = create();
    const state = live.valueState<number>("value");
    for (let key = 0; key < 100; key += 1) {
      use(live, key);
      state.set(1);
    }
    const full = takeSnapshot(live, fullBarrier(1));
    use(live, 3);
    state.set(2);
    cut(live, deltaBarrier(2, { since: 1 })).cursor.cancel();
    use(live, 4);
    state.set(3);
    const delta = takeSnapshot(live, deltaBarrier(3, { since: 1 }));
    expect(delta.map(({ role }) => role)).not.toContain("base");
    expect(entryCount(delta)).toBe(2);
    const restored = restore(create(), [...full, ...delta], 3);
    expect(use(restored, 3).valueState("value").get()).toBe(2);
    expect(use(restored, 4).valueState("value").get()).toBe(3);
  });

  test("a key that its owner changes later stays what it was", () => {
    const live = create();
    const key = { airport: "SFO" };
    use(live, key).valueState("value").set(1);
    key.airport = "JFK";
    const restored = restore(create(), takeSnapshot(live, fullBarrier(1)), 1);
    expect(use(restored, { airport: "SFO" }).valueState("value").get()).toBe(1);
  });

  test("timers of one time and many keys fire once each, those registered meanwhile too (S11)", () => {
    const live = create();
    for (let key = 0; key < 5_000; key += 1) use(live, key).timers().register(10);
    let fired = 0;
    for (;;) {
      const due = live.timers().popDue(10);
      if (due === undefined) break;
      fired += 1;
      if (fired === 100) {
        use(live, due.key).timers().register(10);
        use(live, "new").timers().register(10);
      }
    }
    expect(fired).toBe(5_002);
  });

  test("without a commit for long, the next delta still holds what is there and no more (S15)", () => {
    const live = create();
    const total = live.valueState<number>("total");
    const panes = live.paneState<number>("panes");
    for (let key = 0; key < 20; key += 1) {
      use(live, key);
      total.set(0);
      panes.cellForUpdate(0).value = 0;
    }
    const full = takeSnapshot(live, fullBarrier(1));
    for (let round = 2; round < 60; round += 1) {
      use(live, round % 7);
      total.set(round);
      panes.dropPane(round - 2);
      panes.cellForUpdate(round).value = round;
      use(live, `short-${round}`);
      total.set(round);
      if (round > 50) takeSnapshot(live, deltaBarrier(round, { since: 1 }));
      total.clear();
      cut(live, deltaBarrier(100 + round, { since: 1 })).cursor.cancel();
    }
    const delta = takeSnapshot(live, deltaBarrier(1_000, { since: 1 }));
    const restored = restore(create(), [...full, ...delta], 1_000);
    expect(restored.cellCount()).toBe(live.cellCount());
    expect(restored.paneState("panes").panes()).toEqual(panes.panes());
    expect(use(restored, 3).valueState("total").get()).toBe(use(live, 3).valueState("total").get());
    expect(entryCount(delta)).toBeLessThan(40);
  });

  test("a long encoding pauses between slices, and blocks leave before the end", () => {
    const live = create();
    for (let key = 0; key < 20_000; key += 1)
      use(live, key).valueState("text").set("x".repeat(100));
    const { cursor, blocks } = cut(live, fullBarrier(1));
    let pauses = 0;
    let blocksAtLastPause = 0;
    while (!cursor.step(() => true)) {
      pauses += 1;
      blocksAtLastPause = blocks.length;
    }
    expect(pauses).toBeGreaterThan(1_000);
    expect(blocksAtLastPause).toBeGreaterThan(blocks.length / 2);
    expect(blocks.map(({ groupStart }) => groupStart)[0]).toBe(0);
    expect(blocks.at(-1)?.groupEnd).toBe(maxParallelism - 1);
  });

  test("a value that cannot be encoded fails the snapshot, not the change that replaces it", () => {
    const live = create();
    const state = use(live, "a").valueState<unknown>("last");
    state.set(() => 1);
    const { cursor } = cut(live, fullBarrier(1));
    state.set(2);
    expect(() => runToEnd(cursor)).toThrow(
      expect.objectContaining({ code: "state-not-encodable" }),
    );
    cursor.cancel();
    const restored = restore(create(), takeSnapshot(live, fullBarrier(2)), 2);
    expect(use(restored, "a").valueState("last").get()).toBe(2);
  });
});
