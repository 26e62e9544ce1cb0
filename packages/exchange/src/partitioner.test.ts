import { keyGroupOf, keyGroupRangeOf, keyHash } from "@millrace/core";
import fc from "fast-check";
import { expect, test } from "vitest";

import { createPartitioner } from "./partitioner.ts";

test("a record goes to the subtask that owns its key's group, with the key's hash (S9)", () => {
  const keys = fc.oneof(
    fc.string(),
    fc.double(),
    fc.integer(),
    fc.tuple(fc.string(), fc.integer()),
  );
  fc.assert(
    fc.property(keys, fc.integer({ min: 1, max: 16 }), (key, count) => {
      const maxParallelism = 128;
      const partitioner = createPartitioner(
        { kind: "hash", selectKey: (value) => (value as { key: unknown }).key, maxParallelism },
        { count, fromIndex: 0 },
      );
      const index = partitioner.select({ key });
      expect(partitioner.hash).toBe(keyHash(key));
      expect(partitioner.targetOf(keyHash(key))).toBe(index);
      const position = { maxParallelism, parallelism: count, subtaskIndex: index };
      const { start, end } = keyGroupRangeOf(position);
      const group = keyGroupOf(keyHash(key), maxParallelism);
      expect(group >= start && group <= end).toBe(true);
    }),
  );
});

test("round robin reaches every target in turn, beginning at the sender's own number", () => {
  const partitioner = createPartitioner({ kind: "rebalance" }, { count: 3, fromIndex: 4 });
  const chosen = Array.from({ length: 7 }, () => partitioner.select(0));
  expect(chosen).toEqual([1, 2, 0, 1, 2, 0, 1]);
});

test("a key that cannot be encoded is refused", () => {
  const partitioner = createPartitioner(
    { kind: "hash", selectKey: () => undefined, maxParallelism: 128 },
    { count: 2, fromIndex: 0 },
  );
  expect(() => partitioner.select(1)).toThrow(
    expect.objectContaining({ code: "key-not-encodable" }),
  );
});

test.each(["forward", "rebalance", "global", "shuffle"] as const)(
  "%s has no target for a hash",
  (kind) => {
    const partitioner = createPartitioner({ kind }, { count: 2, fromIndex: 0 });
    expect(() => partitioner.targetOf(1)).toThrow("not partitioned by one");
  },
);

test("global sends everything to the first target", () => {
  const partitioner = createPartitioner({ kind: "global" }, { count: 3, fromIndex: 2 });
  expect([1, 2, 3].map((value) => partitioner.select(value))).toEqual([0, 0, 0]);
});

test("a shuffle reaches all targets about equally often, by a sequence of the sender's own", () => {
  const draw = (fromIndex: number): readonly number[] => {
    const partitioner = createPartitioner({ kind: "shuffle" }, { count: 3, fromIndex });
    return Array.from({ length: 3_000 }, () => partitioner.select(0));
  };
  for (const fromIndex of [0, 1, 7]) {
    const chosen = draw(fromIndex);
    for (const target of [0, 1, 2]) {
      const share = chosen.filter((index) => index === target).length;
      expect(share).toBeGreaterThan(850);
      expect(share).toBeLessThan(1_150);
    }
    expect(draw(fromIndex)).toEqual(chosen);
  }
  expect(draw(0)).not.toEqual(draw(1));
});

test("an author's function chooses the target, and is told how many there are", () => {
  const partitioner = createPartitioner(
    { kind: "custom", select: (value, count) => (value === "last" ? count - 1 : 0) },
    { count: 4, fromIndex: 1 },
  );
  expect(["last", "other"].map((value) => partitioner.select(value))).toEqual([3, 0]);
});

test.each([-1, 4, 1.5, Number.NaN, undefined, "0"])(
  "an index %s that is not there fails with what was returned and what may be",
  (index) => {
    const partitioner = createPartitioner(
      { kind: "custom", select: () => index },
      { count: 4, fromIndex: 0 },
    );
    expect(() => partitioner.select("any")).toThrow(
      `it returned ${String(index)} for 4 subtasks: return a whole number from 0 to 3`,
    );
  },
);
