import {
  keyHash,
  noFailpoints,
  parseCheckpointId,
  StreamError,
  type Barrier,
  type Failpoints,
} from "@millrace/core";
import fc from "fast-check";
import { expect, test } from "vitest";

import type { KeyedBackend, StateBlock } from "./contract.ts";
import { createHeapBackend } from "./heap-backend.ts";

const one = parseCheckpointId(1n);
const two = parseCheckpointId(2n);

function create(maxParallelism = 4, failpoints: Failpoints = noFailpoints): KeyedBackend {
  const groups = { start: 0, end: maxParallelism - 1 };
  return createHeapBackend({ operatorName: "sum", groups, maxParallelism, failpoints });
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

/** One of everything: a base, then a delta with a change, a tombstone, a drop and a timer. */
function example(): readonly StateBlock[] {
  const live = create();
  use(live, "SFO").valueState("total").set({ flights: 3, delay: 1.5 });
  use(live, "JFK").valueState("total").set({ flights: 1, delay: -2 });
  use(live, "SFO").paneState<number[]>("hours").cellForUpdate(3_600_000).value = [1, 2];
  use(live, ["a", 1n]).timers().register(5_000);
  const full = snapshot(live, { checkpointId: one, mode: "full" });
  use(live, "SFO").valueState("total").set({ flights: 4, delay: 2.5 });
  use(live, "JFK").valueState("total").clear();
  live.paneState("hours").dropPane(3_600_000);
  use(live, "SFO").timers().register(6_000);
  const delta = snapshot(live, { checkpointId: two, mode: "delta", base: one });
  return [...full, ...delta];
}

/** What `example` gave when format version 1 was released. */
const frozen: readonly StateBlock[] = [
  { role: "base", groupEnd: 3, cellCount: 4, hex: frozenBase() },
  { role: "delta", groupEnd: 2, cellCount: 4, hex: frozenDelta() },
].map(({ role, groupEnd, cellCount, hex }) => ({
  operator: "sum",
  kind: "keyed",
  role: role === "base" ? "base" : "delta",
  groupStart: 0,
  groupEnd,
  cellCount,
  bytes: new Uint8Array(Buffer.from(hex, "hex")),
}));

function frozenBase(): string {
  return (
    "01010101000000000000000302060074696d657273000500746f74616c010500686f757273004000" +
    "000000000000000088b340c411ceab080200000601000061000401000001044460c12f060300004a" +
    "0046004b0020020700666c6967687473050064656c61798104030246000000046a3bed4206030000" +
    "530046004f0020020700666c6967687473050064656c61798305000000000000f83f080000000040" +
    "774b416a3bed4206030000530046004f000b028182"
  );
}

function frozenDelta(): string {
  return (
    "010101020000000000000003010500686f757273000500746f74616c02060074696d657273000f00" +
    "0000054460c12f060300004a0046004b00024b000000020000000040774b41046a3bed4206030000" +
    "530046004f0020020700666c6967687473050064656c617984050000000000000440080000000000" +
    "70b7406a3bed4206030000530046004f00"
  );
}

test("format version 1 of a keyed block is frozen (D4)", () => {
  expect(example()).toEqual(frozen);
});

test("blocks of format version 1 are read (D4)", () => {
  const backend = create();
  for (const block of frozen) backend.restoreBlock(block);
  backend.finishRestore(two);
  expect(use(backend, "SFO").valueState("total").get()).toEqual({ flights: 4, delay: 2.5 });
  expect(use(backend, "JFK").valueState("total").get()).toBeUndefined();
  expect(backend.paneState("hours").panes()).toEqual([]);
  expect(backend.timers().popDue(Infinity)).toMatchObject({ timeMs: 5_000, key: ["a", 1n] });
  expect(backend.timers().popDue(Infinity)).toMatchObject({ timeMs: 6_000, key: "SFO" });
  expect(backend.timers().popDue(Infinity)).toBeUndefined();
});

test("the failpoint timers-not-restored loses the timers and nothing else", () => {
  const backend = create(4, { isActive: (name) => name === "timers-not-restored" });
  for (const block of example()) backend.restoreBlock(block);
  backend.finishRestore(two);
  expect(backend.timers().nextTimeMs()).toBe(Infinity);
  expect(use(backend, "SFO").valueState("total").get()).toEqual({ flights: 4, delay: 2.5 });
});

test("state of another max parallelism is refused: its keys lie elsewhere", () => {
  const backend = create(3);
  expect(() => {
    for (const block of example()) backend.restoreBlock(block);
  }).toThrow(expect.objectContaining({ code: "state-incompatible" }));
});

test("a state that is of another kind in the job than in the checkpoint is refused by name", () => {
  const backend = create();
  backend.paneState("total");
  expect(() => {
    for (const block of example()) backend.restoreBlock(block);
  }).toThrow(/state "total" of operator sum is a pane state/);
});

test("broken blocks are refused or read as something, but end", () => {
  const blocks = example();
  fc.assert(
    fc.property(fc.nat(), fc.nat(), fc.integer({ min: 0, max: 255 }), (which, position, byte) => {
      const broken = blocks.map((block, index) => {
        if (index !== which % blocks.length) return block;
        const bytes = block.bytes.slice();
        bytes[position % bytes.length] = byte;
        return { ...block, bytes };
      });
      expect(["read", "decode-failed", "state-incompatible"]).toContain(outcomeOf(broken));
    }),
    { numRuns: 2_000 },
  );
});

function outcomeOf(blocks: readonly StateBlock[]): string {
  const backend = create();
  try {
    for (const block of blocks) backend.restoreBlock(block);
    backend.finishRestore(two);
    return "read";
  } catch (error) {
    return StreamError.from(error).code;
  }
}
