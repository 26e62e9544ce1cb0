import { paneLayoutOf, paneOf, type OperatorSpec, type WindowSpec } from "@millrace/graph";
import fc from "fast-check";
import { expect, test } from "vitest";

import { CombineTable } from "./combine-table.ts";
import { combiningOf, type Combining } from "./combining.ts";
import type { PartialRecord } from "./partial.ts";

const sum: OperatorSpec = {
  kind: "reduce",
  create: (amount: number) => amount,
  add: (total: number, amount: number) => total + amount,
  merge: (left: number, right: number) => left + right,
  result: (total: number) => total,
};

const list: WindowSpec = {
  kind: "window",
  assigner: { kind: "sliding", sizeMs: 30, slideMs: 10, offsetMs: 0 },
  allowedLatenessMs: 0,
  isCombined: true,
  aggregate: {
    create: (): number[] => [],
    add: (into: number[], amount: number) => void into.push(amount),
    merge: (into: number[], from: number[]) => void into.push(...from),
    result: (all: number[]) => all,
  },
};

const listOfNames: WindowSpec = {
  ...list,
  aggregate: {
    ...list.aggregate,
    create: (): string[] => [],
    add: (into: string[], { name }: { name: string }) => void into.push(name),
  },
};

function combiningFor(spec: OperatorSpec): Combining {
  const combining = combiningOf(spec);
  if (combining === undefined) throw new Error("the spec is combined");
  return combining;
}

interface Single {
  readonly record: unknown;
  readonly timestampMs: number;
}

function tableOf(spec: OperatorSpec, entryCount = 4) {
  const sent: (PartialRecord | Single)[] = [];
  const combining = combiningFor(spec);
  const table = new CombineTable({
    combining,
    entryCount,
    output: {
      emitPartial: (partial) => void sent.push(partial),
      emitSingle: (record, timestampMs) => void sent.push({ record, timestampMs }),
    },
  });
  const add = (key: string, record: unknown, timestampMs: number, hash = key.length): void => {
    combining.panes.moveTo(timestampMs);
    table.add(record, timestampMs, key, hash);
  };
  const empty = (): void => {
    while (table.size > 0) table.sendOne();
  };
  return { add, empty, sent, table };
}

test("records of a key leave as one partial, with the greatest event time and their number", () => {
  const { add, empty, sent, table } = tableOf(sum);
  add("a", 1, 5);
  add("a", 2, 9);
  add("a", 4, 7);
  expect(sent).toEqual([]);
  expect(table.dueMs).toBe(5);
  empty();
  expect(sent).toEqual([{ key: "a", value: 7, timestampMs: 9, recordCount: 3 }]);
  expect(table.dueMs).toBe(Infinity);
});

test("a record that was folded with no other leaves as it came", () => {
  const { add, empty, sent } = tableOf(sum);
  add("a", 3, 5);
  empty();
  expect(sent).toEqual([{ record: 3, timestampMs: 5 }]);
});

test("of an object nothing is kept but what was made of it (I3)", () => {
  const { add, empty, sent } = tableOf(listOfNames);
  const reused = { name: "one" };
  add("a", reused, 5);
  reused.name = "two";
  empty();
  expect(sent).toEqual([{ key: "a", value: ["one"], timestampMs: 5, recordCount: 1 }]);
});

test("who finds his place taken goes on by himself, and takes it once those are in the majority", () => {
  const { add, empty, sent } = tableOf(sum);
  add("a", 1, 1, 3);
  add("a", 2, 2, 3);
  for (const atMs of [3, 4, 5, 6]) add("b", atMs, atMs, 7);
  expect(sent).toEqual([
    { record: 3, timestampMs: 3 },
    { record: 4, timestampMs: 4 },
    { key: "a", value: 3, timestampMs: 2, recordCount: 2 },
  ]);
  empty();
  expect(sent.slice(3)).toEqual([{ key: "b", value: 11, timestampMs: 6, recordCount: 2 }]);
});

test("keys of one hash are told apart", () => {
  const { add, empty, sent } = tableOf(sum);
  add("a", 1, 1, 3);
  add("b", 2, 2, 3);
  add("a", 3, 3, 3);
  empty();
  expect(sent).toEqual([
    { record: 2, timestampMs: 2 },
    { key: "a", value: 4, timestampMs: 3, recordCount: 2 },
  ]);
});

test("of a window, panes are kept apart and due with the earliest window that fires them", () => {
  const { add, empty, sent, table } = tableOf(list, 1_024);
  add("a", 1, 41);
  expect(table.dueMs).toBe(49);
  add("a", 2, 35);
  expect(table.dueMs).toBe(39);
  add("a", 3, 42);
  empty();
  expect(sent).toHaveLength(2);
  expect(sent).toContainEqual({ key: "a", value: [1, 3], timestampMs: 42, recordCount: 2 });
  expect(sent).toContainEqual({ record: 2, timestampMs: 35 });
});

test("each record leaves once, those of one key and pane in order, whatever collides (I1)", () => {
  const record = fc.record({
    key: fc.constantFrom("a", "bb", "ccc", "dddd", "eeeee"),
    atMs: fc.integer({ min: 0, max: 60 }),
    emptied: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(record, { maxLength: 60, size: "max" }), (records) => {
      const { add, empty, sent } = tableOf(list);
      const layout = paneLayoutOf(list.assigner);
      const nameOf = (key: unknown, atMs: number): string =>
        JSON.stringify([key, paneOf(layout, atMs)]);
      const expected = new Map<string, number[]>();
      for (const [index, { key, atMs, emptied }] of records.entries()) {
        const name = nameOf(key, atMs);
        expected.set(name, [...(expected.get(name) ?? []), index]);
        add(key, index, atMs);
        if (emptied && index % 7 === 0) empty();
      }
      empty();
      const received = new Map<string, unknown[]>();
      for (const one of sent) {
        const isSingle = "record" in one;
        const values = isSingle ? [one.record] : Array.isArray(one.value) ? one.value : [];
        const key = isSingle ? records[Number(one.record)]?.key : one.key;
        const name = nameOf(key, one.timestampMs);
        received.set(name, [...(received.get(name) ?? []), ...values]);
        expect(isSingle ? 1 : one.recordCount).toBe(values.length);
      }
      expect(received).toEqual(expected);
    }),
  );
});

test("an operator whose results would show it is not combined", () => {
  const { merge: _merge, ...running } = sum;
  expect(combiningOf(running)).toBeUndefined();
  expect(combiningOf({ ...list, allowedLatenessMs: 1 })).toBeUndefined();
  expect(combiningOf({ ...list, isCombined: false })).toBeUndefined();
  expect(combiningOf({ kind: "print", label: "" })).toBeUndefined();
});
