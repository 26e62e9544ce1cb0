import { parseCheckpointId, type JsonValue } from "@millrace/core";
import type { PlainFunctions } from "@millrace/graph";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { BroadcastHandle, ListHandle, OperatorStates } from "./operator-state-store.ts";
import { createPlainProcessOperator } from "./plain-process.ts";
import { createTestContext } from "./test-context.ts";

interface Initialize {
  readonly operatorState: OperatorStates;
  readonly isRestored: boolean;
}

const place = (subtaskIndex: number, parallelism: number) => ({ subtaskIndex, parallelism });

async function openWith(
  functions: PlainFunctions,
  { subtaskIndex, parallelism } = place(0, 1),
  entries: readonly JsonValue[] = [],
) {
  const operator = createPlainProcessOperator({ kind: "plain-process", create: () => functions });
  const { context, recorded } = createTestContext({ subtaskIndex });
  operator.open({ ...context, parallelism });
  await operator.restoreList?.(entries);
  const snapshot = async (): Promise<readonly JsonValue[]> =>
    (await operator.prepareSnapshot?.({ checkpointId: parseCheckpointId(1n), mode: "full" })) ?? [];
  return { operator, recorded, snapshot };
}

/** Holds elements of one state, set by the records that it gets. */
class Holder implements PlainFunctions {
  list: ListHandle | undefined;
  isRestored = false;
  readonly #mode: "list" | "unionList";

  constructor(mode: "list" | "unionList" = "list") {
    this.#mode = mode;
  }

  readonly initializeState = ({ operatorState, isRestored }: Initialize): void => {
    this.list = operatorState[this.#mode]("held");
    this.isRestored = isRestored;
  };

  readonly onRecord = (record: unknown): void => this.list?.add(record);

  held(): readonly unknown[] {
    return this.list?.get() ?? [];
  }
}

/** Returns what the subtasks of an operator store that hold these elements. */
async function store(
  held: readonly (readonly unknown[])[],
  mode: "list" | "unionList" = "list",
): Promise<readonly JsonValue[]> {
  const entries: JsonValue[] = [];
  for (const [index, elements] of held.entries()) {
    const opened = await openWith(new Holder(mode), place(index, held.length));
    for (const element of elements) opened.operator.onRecord(element, 0);
    entries.push(...(await opened.snapshot()));
  }
  return entries;
}

/** Returns what each of so many subtasks has after a restore. */
async function restore(
  entries: readonly JsonValue[],
  parallelism: number,
  mode: "list" | "unionList" = "list",
): Promise<readonly (readonly unknown[])[]> {
  const all: (readonly unknown[])[] = [];
  for (let index = 0; index < parallelism; index += 1) {
    const holder = new Holder(mode);
    await openWith(holder, place(index, parallelism), entries);
    all.push(holder.held());
  }
  return all;
}

describe("list state", () => {
  test("comes back to each subtask at the same parallelism", async () => {
    const held = [[1, 2], [], ["c", { d: new Date(4) }]];
    expect(await restore(await store(held), 3)).toEqual(held);
  });

  test("is dealt out evenly at another parallelism, each element once", async () => {
    const counts = fc.integer({ min: 1, max: 6 });
    const elements = fc.array(fc.array(fc.integer(), { maxLength: 8 }), {
      minLength: 1,
      maxLength: 5,
    });
    await fc.assert(
      fc.asyncProperty(elements, counts, async (held, parallelism) => {
        const restored = await restore(await store(held), parallelism);
        const sort = (all: readonly unknown[]): readonly unknown[] =>
          all.map(Number).toSorted((left, right) => left - right);
        expect(sort(restored.flat())).toEqual(sort(held.flat()));
        if (held.length === parallelism) return;
        const sizes = restored.map(({ length }) => length);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      }),
      { numRuns: 50 },
    );
  });

  test("whose name nobody asks for any more is kept as it was", async () => {
    const entries = await store([[1], [2]]);
    const again: JsonValue[] = [];
    for (const index of [0, 1]) {
      const idle = await openWith({ onRecord: () => {} }, place(index, 2), entries);
      again.push(...(await idle.snapshot()));
    }
    expect(await restore(again, 2)).toEqual([[1], [2]]);
  });

  test("that holds what is no data fails the checkpoint by its name", async () => {
    const opened = await openWith(new Holder());
    opened.operator.onRecord(() => {}, 0);
    await expect(opened.snapshot()).rejects.toMatchObject({
      code: "state-not-encodable",
      message: expect.stringContaining("operator state held"),
    });
  });
});

test("union list state: each subtask gets the elements of all, at any parallelism", async () => {
  const entries = await store([[1], [2, 3]], "unionList");
  expect(await restore(entries, 2, "unionList")).toEqual([
    [1, 2, 3],
    [1, 2, 3],
  ]);
  expect(await restore(entries, 1, "unionList")).toEqual([[1, 2, 3]]);
});

test("broadcast state is stored by one subtask and restored by all, at any parallelism", async () => {
  let state: BroadcastHandle | undefined;
  const functions: PlainFunctions = {
    initializeState: ({ operatorState }: Initialize) => {
      state = operatorState.broadcast("rules");
    },
    onRecord: ([key, value]: readonly [string, number]) => state?.set(key, value),
  };
  const entries: JsonValue[] = [];
  for (const index of [0, 1]) {
    const opened = await openWith(functions, place(index, 2));
    opened.operator.onRecord(["a", 1], 0);
    opened.operator.onRecord(["b", 2], 0);
    entries.push(...(await opened.snapshot()));
  }
  expect(JSON.stringify(entries[1])).not.toContain("rules");
  for (const index of [0, 1, 2]) {
    await openWith(functions, place(index, 3), entries);
    expect([...(state?.entries() ?? [])]).toEqual([
      ["a", 1],
      ["b", 2],
    ]);
  }
});

test("a name has one mode", async () => {
  const functions: PlainFunctions = {
    initializeState: ({ operatorState }: Initialize) => {
      operatorState.list("held");
      operatorState.unionList("held");
    },
    onRecord: () => {},
  };
  await expect(async () => openWith(functions)).rejects.toThrow(
    "held is asked for as union and was list before",
  );
});

test("the state is restored only where the operator was in the checkpoint", async () => {
  const [fresh, restored] = [new Holder(), new Holder()];
  await openWith(fresh);
  await openWith(restored, place(0, 1), await store([[]]));
  expect([fresh.isRestored, restored.isRestored]).toEqual([false, true]);
});

test("the cut is made at the barrier: what comes while it is stored belongs to the next", async () => {
  const opened = await openWith(new Holder());
  opened.operator.onRecord(1, 0);
  const snapshot = opened.snapshot();
  opened.operator.onRecord(2, 0);
  expect(await restore(await snapshot, 1)).toEqual([[1]]);
});

test("the end is told once, also over a restore from behind it", async () => {
  const ends: number[] = [];
  const functions: PlainFunctions = {
    onRecord: () => {},
    onEnd: ({ timestamp }: { readonly timestamp: number }) => ends.push(timestamp),
  };
  const opened = await openWith(functions);
  opened.operator.advanceWatermark?.(5, () => false);
  expect(ends).toEqual([]);
  opened.operator.advanceWatermark?.(Infinity, () => false);
  opened.operator.advanceWatermark?.(Infinity, () => false);
  const again = await openWith(functions, place(0, 1), await opened.snapshot());
  again.operator.advanceWatermark?.(Infinity, () => false);
  expect(ends).toEqual([Infinity]);
});

test("a subtask that had ended and gets records after a restore ends again, behind these", async () => {
  const ends: number[] = [];
  let held = 0;
  const functions: PlainFunctions = {
    onRecord: () => void (held += 1),
    onEnd: () => void ends.push(held),
  };
  const opened = await openWith(functions);
  opened.operator.advanceWatermark?.(Infinity, () => false);
  const again = await openWith(functions, place(0, 1), await opened.snapshot());
  again.operator.onRecord("late", 7);
  again.operator.advanceWatermark?.(Infinity, () => false);
  const third = await openWith(functions, place(0, 1), await again.snapshot());
  third.operator.advanceWatermark?.(Infinity, () => false);
  expect(ends).toEqual([0, 1]);
});

test("results come in the order of the records, those of one record as they are emitted", async () => {
  const { operator, recorded } = await openWith({
    onRecord: (record: string, ctx: { emit(value: string): void }) => {
      for (const letter of record) ctx.emit(letter);
    },
  });
  operator.onRecord("ba", 7);
  operator.onRecord("", 9);
  operator.onRecord("cd", 3);
  expect(recorded.emitted.map(({ value, timestampMs }) => [value, timestampMs])).toEqual([
    ["b", 7],
    ["a", 7],
    ["c", 3],
    ["d", 3],
  ]);
});

test("records and side outputs carry the timestamp of the record", async () => {
  const { operator, recorded } = await openWith({
    onRecord: (
      record: string,
      ctx: { emit(v: string): void; emitTo(t: unknown, v: string): void },
    ) => {
      ctx.emit(record);
      ctx.emitTo({ name: "aside" }, record);
    },
  });
  operator.onRecord("a", 7);
  expect(recorded.emitted).toEqual([{ value: "a", timestampMs: 7 }]);
  expect(recorded.side.get("aside")).toEqual([["a", 7]]);
});

test.each([
  [[{ subtaskIndex: 0, attempt: 1, checkpointId: "1", committable: 1 }], "state-incompatible"],
  [[7], "state-incompatible"],
  [
    [
      {
        operatorState: 1,
        subtaskIndex: 0,
        parallelism: 1,
        isEnded: false,
        states: [{ name: "held", mode: "list", elements: "//////8=" }],
      },
    ],
    "decode-failed",
  ],
] satisfies [JsonValue[], string][])(
  "state that is none of ours is refused (%#)",
  async (entries, code) => {
    await expect(async () => openWith(new Holder(), place(0, 1), entries)).rejects.toMatchObject({
      code,
    });
  },
);
