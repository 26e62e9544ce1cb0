import { parseCheckpointId, type JsonValue } from "@millrace/core";
import { describe, expect, test } from "vitest";

import { createBroadcastProcessOperator } from "./broadcast-process.ts";
import type { BroadcastHandle } from "./operator-state-store.ts";
import { setKey, testBackends } from "./test-backends.ts";
import { createTestContext } from "./test-context.ts";

interface Context {
  readonly key: string;
  readonly timestamp: number;
  readonly timers: { atEventTime(timeMs: number): void };
  readonly state: {
    readonly seen: { get(): number | undefined; set(value: number): void; clear(): void };
  };
  readonly broadcastState: { readonly limits: BroadcastHandle };
  emit(value: unknown): void;
}

const setLimit = ([key, limit]: readonly [string, number], ctx: Context): void => {
  ctx.broadcastState.limits.set(key, limit);
};

async function openPlain(
  onRecord: (record: string, ctx: Context) => void,
  {
    subtaskIndex = 0,
    entries = [],
  }: { subtaskIndex?: number; entries?: readonly JsonValue[] } = {},
) {
  const operator = createBroadcastProcessOperator({
    kind: "broadcast-process",
    broadcastState: ["limits"],
    onRecord,
    onBroadcast: setLimit,
  });
  const { context, recorded } = createTestContext({ subtaskIndex });
  operator.open(context);
  await operator.restoreList?.(entries);
  const snapshot = async (): Promise<readonly JsonValue[]> =>
    (await operator.prepareSnapshot?.({ checkpointId: parseCheckpointId(1n), mode: "full" })) ?? [];
  return { operator, recorded, snapshot };
}

const readLimit = (record: string, ctx: Context): void =>
  ctx.emit([record, ctx.broadcastState.limits.get(record), ctx.broadcastState.limits.size]);

test("records see what was broadcast before them", async () => {
  const { operator, recorded } = await openPlain(readLimit);
  operator.onRecord("a", 1);
  operator.onSecond?.(["a", 10], 2);
  operator.onRecord("a", 3);
  expect(recorded.emitted).toEqual([
    { value: ["a", undefined, 0], timestampMs: 1 },
    { value: ["a", 10, 1], timestampMs: 3 },
  ]);
});

test("the side of the records has nothing to change the state with", async () => {
  const { operator } = await openPlain((_record, ctx) => ctx.broadcastState.limits.set("a", 1));
  expect(() => operator.onRecord("a", 1)).toThrow("limits.set is not a function");
});

test("one subtask stores what all hold; a new one restores it from any of them", async () => {
  const entries: JsonValue[] = [];
  for (const subtaskIndex of [0, 1]) {
    const { operator, snapshot } = await openPlain(readLimit, { subtaskIndex });
    operator.onSecond?.(["a", 10], 0);
    entries.push(...(await snapshot()));
  }
  expect(entries.map((entry) => JSON.stringify(entry).includes("limits"))).toEqual([true, false]);
  for (const subtaskIndex of [0, 1, 5]) {
    const { operator, recorded } = await openPlain(readLimit, { subtaskIndex, entries });
    operator.onRecord("a", 1);
    expect(recorded.emitted).toEqual([{ value: ["a", 10, 1], timestampMs: 1 }]);
  }
});

test.each(testBackends)(
  "with keys, records and timers have their key, its state, and what was broadcast, on %s",
  async (_name, create) => {
    const { keyed } = create();
    const operator = createBroadcastProcessOperator({
      kind: "keyed-broadcast-process",
      broadcastState: ["limits"],
      state: { seen: { kind: "value", version: 1 } },
      onBroadcast: setLimit,
      onRecord: (_record: unknown, ctx: Context) => {
        ctx.state.seen.set((ctx.state.seen.get() ?? 0) + 1);
        ctx.timers.atEventTime(ctx.timestamp + 10);
      },
      onTimer: (timeMs: number, ctx: Context) =>
        ctx.emit([ctx.key, ctx.state.seen.get(), ctx.broadcastState.limits.get(ctx.key), timeMs]),
    });
    const { context, recorded } = createTestContext({ keyed });
    operator.open(context);
    await operator.restoreList?.([]);
    for (const key of ["a", "b"]) {
      setKey(keyed, key);
      operator.onRecord(key, 1);
    }
    operator.onSecond?.(["b", 7], 2);
    expect(operator.advanceWatermark?.(11, () => false)).toBe(true);
    const emitted = recorded.emitted.map(({ value }) => value);
    expect(emitted).toHaveLength(2);
    expect(emitted).toEqual(
      expect.arrayContaining([
        ["a", 1, undefined, 11],
        ["b", 1, 7, 11],
      ]),
    );
  },
);

interface ApplyContext extends Context {
  applyToKeyedState(
    name: string,
    apply: (key: string, seen: Context["state"]["seen"]) => void,
  ): void;
}

/** Counts each key's records; what is broadcast is what `onBroadcast` does with all of them. */
async function openCounting(
  create: (typeof testBackends)[number][1],
  onBroadcast: (record: number, ctx: ApplyContext) => void,
) {
  const backend = create();
  const operator = createBroadcastProcessOperator({
    kind: "keyed-broadcast-process",
    broadcastState: ["limits"],
    state: { seen: { kind: "value", version: 1 } },
    onBroadcast,
    onRecord: (_record: unknown, ctx: Context) => {
      ctx.state.seen.set((ctx.state.seen.get() ?? 0) + 1);
    },
  });
  const { context, recorded } = createTestContext({ keyed: backend.keyed });
  operator.open(context);
  await operator.restoreList?.([]);
  const count = (key: unknown): void => {
    setKey(backend.keyed, key);
    operator.onRecord(key, 1);
  };
  return { operator, recorded, count, backend };
}

describe.each(testBackends)("applyToKeyedState on %s", (_name, create) => {
  test("comes to each key that has something in the state once, and may change or clear it", async () => {
    const { operator, recorded, count } = await openCounting(create, (record, ctx) => {
      ctx.applyToKeyedState("seen", (key, seen) => {
        ctx.emit([key, seen.get()]);
        if (key === "b") seen.set(record);
      });
    });
    const keys = ["a", "b", "b", 7, null, ["x", 1]];
    for (const key of keys) count(key);
    operator.onSecond?.(10, 5);
    expect(recorded.emitted.every(({ timestampMs }) => timestampMs === 5)).toBe(true);
    const first = recorded.emitted.splice(0).map(({ value }) => value);
    expect(first).toHaveLength(5);
    expect(first).toEqual(
      expect.arrayContaining([
        ["a", 1],
        ["b", 2],
        [7, 1],
        [null, 1],
        [["x", 1], 1],
      ]),
    );
    count("b");
    operator.onSecond?.(20, 6);
    expect(recorded.emitted.map(({ value }) => value)).toContainEqual(["b", 11]);
  });

  test("leaves out keys that were cleared, and keys that have other state only", async () => {
    const { operator, recorded, count } = await openCounting(create, (isClearing, ctx) => {
      ctx.applyToKeyedState("seen", (key, seen) => {
        ctx.emit(key);
        if (isClearing === 1 && key !== "b") seen.clear();
      });
    });
    for (const key of ["a", "b", "c"]) count(key);
    operator.onSecond?.(1, 5);
    recorded.emitted.length = 0;
    operator.onSecond?.(0, 6);
    expect(recorded.emitted.map(({ value }) => value)).toEqual(["b"]);
  });

  test("is in the next snapshot, and goes over restored keys", async () => {
    const { operator, count, backend } = await openCounting(create, (add, ctx) => {
      ctx.applyToKeyedState("seen", (_key, seen) => seen.set((seen.get() ?? 0) + add));
    });
    for (const key of ["a", "b", 3]) count(key);
    const once = backend.restore();
    const { operator: second, backend: other } = await openCounting(
      () => once,
      (add, ctx) =>
        ctx.applyToKeyedState("seen", (_key, seen) => seen.set((seen.get() ?? 0) + add)),
    );
    second.onSecond?.(100, 1);
    const { operator: third, recorded } = await openCounting(
      () => other.restore(),
      (_add, ctx) => ctx.applyToKeyedState("seen", (key, seen) => ctx.emit([key, seen.get()])),
    );
    third.onSecond?.(0, 1);
    expect(recorded.emitted.map(({ value }) => value)).toEqual(
      expect.arrayContaining([
        ["a", 101],
        ["b", 101],
        [3, 101],
      ]),
    );
    expect(operator).not.toBe(third);
  });

  test("is refused within itself, and for a state that is not declared", async () => {
    const { operator, count } = await openCounting(create, (which, ctx) => {
      const nest = (): void => ctx.applyToKeyedState("seen", () => {});
      ctx.applyToKeyedState(which === 1 ? "seen" : "sene", nest);
    });
    count("a");
    expect(() => operator.onSecond?.(1, 1)).toThrow("called within applyToKeyedState");
    expect(() => operator.onSecond?.(2, 1)).toThrow("it declares no state sene");
    // The first failure is over: it may be called again.
    expect(() => operator.onSecond?.(1, 1)).toThrow("called within applyToKeyedState");
  });
});
