import fc from "fast-check";
import { expect, test } from "vitest";

import type { StateBlock } from "./contract.ts";
import { createBackend, restore, use } from "./test-kit/backends.ts";
import { outcomeOf, withBrokenByte } from "./test-kit/broken-blocks.ts";
import { fromHex } from "./test-kit/hex.ts";
import { deltaBarrier, fullBarrier, takeSnapshot } from "./test-kit/snapshots.ts";

const numberKeys = ["LAX", "\u00fcber", "\u6771\u4eac", "", 12, -7.5];

/** One of everything: a base, then a delta with a change, a tombstone, a drop and a timer. */
function example(): readonly StateBlock[] {
  const live = createBackend();
  use(live, "SFO").valueState("total").set({ flights: 3, delay: 1.5 });
  use(live, "JFK").valueState("total").set({ flights: 1, delay: -2 });
  use(live, "SFO").paneState<number[]>("hours").cellForUpdate(3_600_000).value = [1, 2];
  use(live, ["a", 1n]).timers().register(5_000);
  for (const [index, key] of numberKeys.entries()) {
    use(live, key)
      .valueState("count")
      .set(index - 1);
    use(live, key)
      .valueState("mean")
      .set(index / 4);
  }
  const full = takeSnapshot(live, fullBarrier(1));
  use(live, "SFO").valueState("total").set({ flights: 4, delay: 2.5 });
  use(live, "JFK").valueState("total").clear();
  live.paneState("hours").dropPane(3_600_000);
  use(live, "SFO").timers().register(6_000);
  use(live, "LAX").valueState("count").set(-0);
  use(live, -7.5).valueState("count").clear();
  const delta = takeSnapshot(live, deltaBarrier(2, { since: 1 }));
  return [...full, ...delta];
}

/** What an example without numbers gave when format version 1 was released. */
const frozen1 = frozenBlocks([
  { role: "base", groupEnd: 3, cellCount: 4, hex: frozenBase() },
  { role: "delta", groupEnd: 2, cellCount: 4, hex: frozenDelta() },
]);

/** What `example` gave when format version 2 was released. */
const frozen2 = frozenBlocks([
  { role: "base", groupEnd: 3, cellCount: 16, hex: frozenBase2() },
  { role: "delta", groupEnd: 2, cellCount: 6, hex: frozenDelta2() },
]);

function frozenBlocks(
  blocks: readonly {
    readonly role: "base" | "delta";
    readonly groupEnd: number;
    readonly cellCount: number;
    readonly hex: string;
  }[],
): readonly StateBlock[] {
  return blocks.map(({ hex, ...header }) => ({
    operator: "sum",
    kind: "keyed",
    groupStart: 0,
    ...header,
    bytes: fromHex(hex),
  }));
}

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

function frozenBase2(): string {
  return (
    "02010101000000000000000502060074696d657273000500746f74616c000500636f756e74000400" +
    "6d65616e010500686f757273005900000000000000000088b340c411ceab08020000060100006100" +
    "0401000001044460c12f060300004a0046004b0020020700666c6967687473050064656c61798104" +
    "030b000104fc626572000f040104fc626572000000000000d03f011f0000000b0201000000000000" +
    "1ec0080f06010000000000001ec0000000000000f43f0264000000046a3bed420603000053004600" +
    "4f0020020700666c6967687473050064656c61798305000000000000f83f100000000040774b416a" +
    "3bed4206030000530046004f000b0281820b000203004c415801040f0001034c4158000f04010000" +
    "0000000000e83f03310000000b0101027167ac4e020b02010000000000002840060f020100000000" +
    "00002840020f0501027167ac4e000000000000e03f"
  );
}

function frozenDelta2(): string {
  return (
    "020101020000000000000004010500686f757273000500746f74616c02060074696d657273000500" +
    "636f756e740007000000070801034a464b010b0000000f0a010000000000001ec0025a0000000200" +
    "00000040774b41046a3bed4206030000530046004f0020020700666c6967687473050064656c6179" +
    "8405000000000000044008000000000070b7406a3bed4206030000530046004f000f0401034c4158" +
    "0000000000000080"
  );
}

test("format version 2 of a keyed block is frozen (D4)", () => {
  expect(example()).toEqual(frozen2);
});

test.each([
  [1, frozen1],
  [2, frozen2],
])("blocks of format version %i are read (D4)", (version, frozen) => {
  const backend = restore(createBackend(), frozen, 2);
  expect(use(backend, "SFO").valueState("total").get()).toEqual({ flights: 4, delay: 2.5 });
  expect(use(backend, "JFK").valueState("total").get()).toBeUndefined();
  expect(backend.paneState("hours").panes()).toEqual([]);
  expect(backend.timers().popDue(Infinity)).toMatchObject({ timeMs: 5_000, key: ["a", 1n] });
  expect(backend.timers().popDue(Infinity)).toMatchObject({ timeMs: 6_000, key: "SFO" });
  expect(backend.timers().popDue(Infinity)).toBeUndefined();
  const valuesOf = (name: string): readonly unknown[] =>
    numberKeys.map((key) => use(backend, key).valueState(name).get());
  const none = numberKeys.map(() => undefined);
  expect(valuesOf("count")).toEqual(version === 1 ? none : [-0, 0, 1, 2, 3, undefined]);
  expect(valuesOf("mean")).toEqual(version === 1 ? none : [0, 0.25, 0.5, 0.75, 1, 1.25]);
});

test("the failpoint timers-not-restored loses the timers and nothing else", () => {
  const failpoints = { isActive: (name: string) => name === "timers-not-restored" };
  const backend = restore(createBackend({ failpoints }), example(), 2);
  expect(backend.timers().nextTimeMs()).toBe(Infinity);
  expect(use(backend, "SFO").valueState("total").get()).toEqual({ flights: 4, delay: 2.5 });
});

test("state of another max parallelism is refused: its keys lie elsewhere", () => {
  const backend = createBackend({ maxParallelism: 3 });
  expect(() => restore(backend, example(), 2)).toThrow(
    expect.objectContaining({ code: "state-incompatible" }),
  );
});

test("a state that is of another kind in the job than in the checkpoint is refused by name", () => {
  const backend = createBackend();
  backend.paneState("total");
  expect(() => restore(backend, example(), 2)).toThrow(
    /state "total" of operator sum is a pane state/,
  );
});

test("broken blocks are refused or read as something, but end", () => {
  fc.assert(
    fc.property(withBrokenByte(example()), (broken) => {
      const outcome = outcomeOf(() => restore(createBackend(), broken, 2));
      expect(["read", "decode-failed", "state-incompatible"]).toContain(outcome);
    }),
    { numRuns: 2_000 },
  );
});
