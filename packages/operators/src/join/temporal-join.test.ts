import type { TemporalJoinSpec } from "@millrace/graph";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { testBackends } from "../test-backends.ts";
import { JoinUnderTest } from "./test-kit.ts";

function asOf(mode: "inner" | "left" = "left"): TemporalJoinSpec {
  return {
    kind: "join",
    type: "temporal",
    mode,
    right: { valueOf: (value: unknown) => value },
    join: (left: unknown, right: unknown) => `${String(left)}-${String(right)}`,
  };
}

describe.each(testBackends)("a temporal join on %s", (_name, create) => {
  test("a record waits for the watermark and meets the version of its time, with its own time", () => {
    const join = new JoinUnderTest(asOf(), create());
    join.right("k", "v1", 10).left("k", "A", 15).right("k", "v2", 20).watermark(14);
    expect(join.take()).toEqual([]);
    join.watermark(15);
    expect(join.take()).toEqual([["A-v1", 15]]);
  });

  test("a version is valid from its own time on, up to that of the next one", () => {
    const join = new JoinUnderTest(asOf(), create());
    join.right("k", "v1", 10).right("k", "v2", 20);
    for (const at of [9, 10, 19, 20]) join.left("k", at, at);
    expect(join.watermark(Infinity).take()).toEqual([
      ["9-undefined", 9],
      ["10-v1", 10],
      ["19-v1", 19],
      ["20-v2", 20],
    ]);
  });

  test("of two versions of one time the one that comes last counts", () => {
    const join = new JoinUnderTest(asOf(), create());
    join.right("k", "v1", 10).right("k", "v2", 10).left("k", "A", 10).watermark(10);
    expect(join.take()).toEqual([["A-v2", 10]]);
  });

  test("a version that comes after the record counts, as long as the watermark is behind it", () => {
    const join = new JoinUnderTest(asOf(), create());
    join.left("k", "A", 15).right("k", "v1", 12).watermark(20);
    expect(join.take()).toEqual([["A-v1", 15]]);
  });

  test("records come out by time, whatever the order in which they came", () => {
    const join = new JoinUnderTest(asOf(), create());
    join.left("k", "C", 30).left("m", "B", 20).left("k", "A", 10).watermark(Infinity);
    expect(join.take().map(([, at]) => at)).toEqual([10, 20, 30]);
  });

  test("inner drops a record before the first version and one behind a deletion", () => {
    const join = new JoinUnderTest(asOf("inner"), create());
    join.left("k", "A", 5).right("k", "v1", 10).left("k", "B", 15).right("k", null, 20);
    join.left("k", "C", 25).watermark(Infinity);
    expect(join.take()).toEqual([["B-v1", 15]]);
  });

  test("a late record is dropped and counted; a late version counts for what comes later", () => {
    const join = new JoinUnderTest(asOf(), create());
    join.right("k", "v1", 10).watermark(20).left("k", "A", 20).right("k", "v2", 15);
    expect(join.lateCount).toBe(1);
    join.right("k", "older", 9).right("unknown", "v", 9);
    expect(join.lateCount).toBe(3);
    join.left("k", "B", 21).left("unknown", "C", 21).watermark(Infinity);
    expect(join.take()).toEqual(
      expect.arrayContaining([
        ["B-v2", 21],
        ["C-undefined", 21],
      ]),
    );
  });

  test("keeps one version for each key behind the watermark, and nothing of deleted ones", () => {
    const join = new JoinUnderTest(asOf(), create());
    for (let at = 1; at <= 100; at += 1) join.right("k", at, at).watermark(at);
    join.left("k", "A", 101).watermark(101);
    expect(join.take()).toEqual([["A-100", 101]]);
    expect(join.cellCount()).toBe(1);
    join.right("k", null, 110).watermark(120);
    expect(join.cellCount()).toBe(0);
  });

  test("emits what looking each record up among all versions does, whatever the order and the restores", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("inner" as const, "left" as const),
        fc.array(
          fc.record({
            side: fc.constantFrom("left" as const, "right" as const),
            key: fc.constantFrom("a", "b"),
            ahead: fc.integer({ min: 1, max: 40 }),
            isDeletion: fc.boolean(),
            advance: fc.nat(15),
            isRestored: fc.boolean(),
          }),
          { maxLength: 40, size: "max" },
        ),
        (mode, drawn) => {
          const join = new JoinUnderTest(asOf(mode), create());
          let watermarkMs = 0;
          const records = drawn.map((one, index) => {
            const at = watermarkMs + one.ahead;
            const value = one.side === "right" && one.isDeletion ? null : index;
            join[one.side](one.key, value, at);
            if (one.isRestored) join.restore();
            watermarkMs += one.advance;
            join.watermark(watermarkMs);
            return { ...one, at, value };
          });
          const versionOf = (key: string, at: number): number | undefined =>
            records
              .filter((one) => one.side === "right" && one.key === key && one.at <= at)
              .toSorted((one, other) => one.at - other.at)
              .at(-1)?.value ?? undefined;
          const expected = records
            .filter(({ side }) => side === "left")
            .map(({ key, value, at }) => [value, versionOf(key, at), at] as const)
            .filter(([, version]) => mode === "left" || version !== undefined)
            .map(([value, version, at]) => [`${String(value)}-${String(version)}`, at]);
          const emitted = join.watermark(Infinity).take();
          expect(emitted.map((one) => JSON.stringify(one)).toSorted()).toEqual(
            expected.map((one) => JSON.stringify(one)).toSorted(),
          );
          expect(emitted.map(([, at]) => at)).toEqual(
            expected.map(([, at]) => Number(at)).toSorted((one, other) => one - other),
          );
        },
      ),
      { numRuns: 60 },
    );
  });
});
