import { keyHash, parseCheckpointId, type Barrier } from "@millrace/core";
import { expect, test } from "vitest";

import type { KeyedBackend, StateBlock } from "./contract.ts";
import { createHeapBackend } from "./heap-backend.ts";

const one = parseCheckpointId(1n);
const two = parseCheckpointId(2n);
const groups = { start: 0, end: 3 };

function create(): KeyedBackend {
  return createHeapBackend({ operatorName: "sum", groups, maxParallelism: 4 });
}

function use(backend: KeyedBackend, key: unknown): KeyedBackend {
  backend.setCurrentKey(key, keyHash(key));
  return backend;
}

function snapshot(backend: KeyedBackend, barrier: Barrier): StateBlock[] {
  const blocks: StateBlock[] = [];
  backend.beginSnapshot(barrier, (block) => blocks.push(block)).step(() => false);
  return blocks;
}

function restored(blocks: readonly StateBlock[]): KeyedBackend {
  const backend = create();
  for (const block of blocks) backend.restoreBlock(block);
  backend.finishRestore(two);
  return backend;
}

test("timers of the two domains at one time and key are two, over full and delta snapshots", () => {
  const live = create();
  use(live, "a").timers("event-time").register(5);
  use(live, "a").timers("processing-time").register(5);
  const full = snapshot(live, { checkpointId: one, mode: "full" });
  use(live, "a").timers("event-time").remove(5);
  use(live, "b").timers("processing-time").register(3);
  const delta = snapshot(live, { checkpointId: two, mode: "delta", base: one });
  const backend = restored([...full, ...delta]);
  expect(backend.timers("event-time").nextTimeMs()).toBe(Infinity);
  const timers = backend.timers("processing-time");
  expect(timers.popDue(4)).toMatchObject({ timeMs: 3, key: "b" });
  expect(timers.popDue(4)).toBeUndefined();
  expect(timers.popDue(5)).toMatchObject({ timeMs: 5, key: "a" });
  expect(timers.popDue(Infinity)).toBeUndefined();
});

test("a block without timers of processing time is one that older programs read", () => {
  const live = create();
  use(live, "a").timers().register(5);
  const [eventTime] = snapshot(live, { checkpointId: one, mode: "full" });
  use(live, "a").timers("processing-time").register(5);
  const [both] = snapshot(live, { checkpointId: two, mode: "full" });
  expect([eventTime?.bytes[0], both?.bytes[0]]).toEqual([2, 3]);
});
