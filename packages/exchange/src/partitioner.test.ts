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

test.each(["forward", "rebalance"] as const)("%s has no target for a hash", (kind) => {
  const partitioner = createPartitioner({ kind }, { count: 2, fromIndex: 0 });
  expect(() => partitioner.targetOf(1)).toThrow("not partitioned by one");
});
