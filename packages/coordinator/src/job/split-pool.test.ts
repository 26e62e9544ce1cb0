import { noFailpoints, parseVertexId } from "@millrace/core";
import fc from "fast-check";
import { expect, test } from "vitest";

import { SplitPool } from "./split-pool.ts";

const vertexId = parseVertexId("lines");

function splits(
  ...ids: readonly string[]
): readonly { id: string; descriptor: null; lowerBoundMs: number }[] {
  return ids.map((id, index) => ({ id, descriptor: null, lowerBoundMs: index * 10 }));
}

test("requests wait for the discovery, then the earliest goes first", () => {
  const pool = new SplitPool(vertexId, undefined, noFailpoints);
  expect(pool.request({ subtaskIndex: 1, requestNumber: 1 })).toBeUndefined();
  expect(pool.cut()).toEqual({ vertexId, isDiscovered: false, splits: [] });
  expect(pool.discover(splits("a", "b"))).toEqual([
    {
      subtaskIndex: 1,
      requestNumber: 1,
      split: splits("a")[0],
      isPoolEmpty: false,
      poolLowerBoundMs: 10,
    },
  ]);
  expect(pool.discover(splits("c"))).toEqual([]);
});

test("a repeated request gets the same answer (F9), a new one the next", () => {
  const pool = new SplitPool(vertexId, undefined, noFailpoints);
  pool.discover(splits("a"));
  const request = { subtaskIndex: 0, requestNumber: 1 };
  const answer = pool.request(request);
  expect(answer).toMatchObject({
    split: { id: "a" },
    isPoolEmpty: true,
    poolLowerBoundMs: Infinity,
  });
  expect(pool.request(request)).toBe(answer);
  const next = pool.request({ subtaskIndex: 0, requestNumber: 2 });
  expect(next).toEqual({
    subtaskIndex: 0,
    requestNumber: 2,
    isPoolEmpty: true,
    poolLowerBoundMs: Infinity,
  });
});

test("an older request that comes again takes no split: its answer would be read by nobody (F9, S9)", () => {
  const pool = new SplitPool(vertexId, undefined, noFailpoints);
  pool.discover(splits("a", "b", "c"));
  const late = { subtaskIndex: 0, requestNumber: 1 };
  pool.request(late);
  pool.request({ subtaskIndex: 0, requestNumber: 2 });
  expect(pool.request(late)).toBeUndefined();
  expect(pool.cut().splits).toEqual([splits("a", "b", "c")[2]]);
});

test("two splits of one id are the connector's mistake, and named", () => {
  const pool = new SplitPool(vertexId, undefined, noFailpoints);
  expect(() => pool.discover(splits("a", "a"))).toThrow(
    expect.objectContaining({ code: "source-failed", message: expect.stringContaining('"a"') }),
  );
});

test("every split is in the pool or with one reader, also after a restore from a cut (S9)", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 20 }),
      fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 40, size: "max" }),
      fc.nat(40),
      (count, readers, restoreAt) => {
        const ids = Array.from({ length: count }, (_, index) => `s${index}`);
        let pool = new SplitPool(vertexId, undefined, noFailpoints);
        pool.discover(splits(...ids));
        const assigned: string[] = [];
        for (const [index, subtaskIndex] of readers.entries()) {
          if (index === restoreAt) pool = new SplitPool(vertexId, pool.cut(), noFailpoints);
          const answer = pool.request({ subtaskIndex, requestNumber: index + 1 });
          if (answer?.split !== undefined) assigned.push(answer.split.id);
        }
        expect([...assigned, ...pool.cut().splits.map(({ id }) => id)]).toEqual(ids);
      },
    ),
  );
});

test("the planted bug assigns a split twice", () => {
  const pool = new SplitPool(vertexId, undefined, { isActive: () => true });
  pool.discover(splits("a", "b", "c"));
  const ids = [1, 2, 3].map((requestNumber) => {
    return pool.request({ subtaskIndex: 0, requestNumber })?.split?.id;
  });
  expect(ids).toEqual(["a", "b", "b"]);
});

test("where more may be discovered, who asks an empty pool waits for the next split", () => {
  const pool = new SplitPool(vertexId, undefined, noFailpoints);
  const request = { subtaskIndex: 0, requestNumber: 1 };
  expect(pool.discover([], true)).toEqual([]);
  const wait = { ...request, isPoolEmpty: false, poolLowerBoundMs: Infinity };
  expect(pool.request(request)).toEqual(wait);
  expect(pool.request(request)).toEqual(wait);
  const answers = pool.discover(splits("a", "b"), true);
  expect(answers).toMatchObject([{ ...request, split: { id: "a" }, isPoolEmpty: false }]);
  expect(pool.request(request)).toEqual(answers[0]);
  expect(pool.cut().splits.map(({ id }) => id)).toEqual(["b"]);
});

test("what is reported again is not new, also after a restore (S9)", () => {
  const first = new SplitPool(vertexId, undefined, noFailpoints);
  first.discover(splits("a", "b"), true);
  first.request({ subtaskIndex: 0, requestNumber: 1 });
  const cut = first.cut();
  expect(cut).toMatchObject({ splits: [{ id: "b" }], known: ["a", "b"] });
  const second = new SplitPool(vertexId, cut, noFailpoints);
  second.discover(splits("a", "b", "c"), true);
  second.discover(splits("a", "b", "c"), true);
  expect(second.cut().splits.map(({ id }) => id)).toEqual(["b", "c"]);
});

test("once no more will be discovered, who waits hears that the pool is empty", () => {
  const pool = new SplitPool(vertexId, undefined, noFailpoints);
  pool.discover(splits("a"), true);
  pool.request({ subtaskIndex: 0, requestNumber: 1 });
  pool.request({ subtaskIndex: 0, requestNumber: 2 });
  const answers = pool.discover(splits("a"));
  expect(answers).toMatchObject([{ requestNumber: 2, isPoolEmpty: true }]);
});
