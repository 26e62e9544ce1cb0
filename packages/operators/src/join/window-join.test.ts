import type { GeneralWindowSpec, WindowSpec } from "@millrace/graph";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { testBackends } from "../test-backends.ts";
import { JoinUnderTest } from "./test-kit.ts";

interface Sides {
  readonly left: unknown[];
  readonly right: unknown[];
}

/** As the API writes it for `join(...).window(...)`. */
function grouping(over: Partial<WindowSpec> = {}): WindowSpec {
  return {
    kind: "window",
    assigner: { kind: "tumbling", sizeMs: 10, offsetMs: 0 },
    allowedLatenessMs: 0,
    aggregate: {
      create: (): Sides => ({ left: [], right: [] }),
      add: (sides: Sides, record: unknown) => void sides.left.push(record),
      addSecond: (sides: Sides, record: unknown) => void sides.right.push(record),
      merge: (into: Sides, from: Sides) => {
        into.left.push(...from.left);
        into.right.push(...from.right);
      },
      result: ({ left, right }: Sides, { key, window }: { key: unknown; window: unknown }) => ({
        key,
        window,
        left: [...left],
        right: [...right],
      }),
    },
    ...over,
  };
}

describe.each(testBackends)("a window over two inputs on %s", (_name, create) => {
  test("fires once with the records of both, each side as it came, at its end - 1", () => {
    const join = new JoinUnderTest(grouping(), create());
    join.right("k", "a", 4).left("k", "B", 9).left("k", "A", 0).right("k", "next", 10);
    join.watermark(8);
    expect(join.take()).toEqual([]);
    join.watermark(9);
    const window = { start: 0, end: 10 };
    expect(join.take()).toEqual([[{ key: "k", window, left: ["B", "A"], right: ["a"] }, 9]]);
  });

  test("fires also where one side is empty", () => {
    const join = new JoinUnderTest(grouping(), create());
    join.left("k", "A", 4).right("m", "a", 5).watermark(Infinity);
    const window = { start: 0, end: 10 };
    expect(join.take().map(([value]) => value)).toEqual(
      expect.arrayContaining([
        { key: "k", window, left: ["A"], right: [] },
        { key: "m", window, left: [], right: ["a"] },
      ]),
    );
  });

  test("sliding windows hold a record of either side in each window that it lies in", () => {
    const assigner = { kind: "sliding", sizeMs: 10, slideMs: 5, offsetMs: 0 } as const;
    const join = new JoinUnderTest(grouping({ assigner }), create());
    join.left("k", "A", 7).right("k", "a", 12).watermark(Infinity);
    expect(join.take()).toEqual([
      [{ key: "k", window: { start: 0, end: 10 }, left: ["A"], right: [] }, 9],
      [{ key: "k", window: { start: 5, end: 15 }, left: ["A"], right: ["a"] }, 14],
      [{ key: "k", window: { start: 10, end: 20 }, left: [], right: ["a"] }, 19],
    ]);
  });

  test("a record of a window that has fired is dropped and counted, on either side", () => {
    const join = new JoinUnderTest(grouping(), create());
    join.left("k", "A", 4).watermark(9).right("k", "a", 5).left("k", "B", 9);
    expect(join.lateCount).toBe(2);
  });

  test("a session holds the records of both sides, also where one of them makes two into one", () => {
    const { allowedLatenessMs, aggregate } = grouping();
    const spec: GeneralWindowSpec = {
      kind: "general-window",
      assigner: { kind: "session", gapMs: 10 },
      allowedLatenessMs,
      aggregate,
    };
    const join = new JoinUnderTest(spec, create());
    join.left("k", "A", 0).right("k", "a", 15).restore().right("k", "b", 8).left("k", "C", 60);
    join.watermark(25);
    const [[session] = []] = join.take();
    expect(session).toMatchObject({ window: { start: 0, end: 25 }, left: ["A"] });
    expect(session).toMatchObject({ right: expect.arrayContaining(["a", "b"]) });
    expect(join.watermark(Infinity).take()).toHaveLength(1);
  });

  test("both sides are whole after restores, wherever they come", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            side: fc.constantFrom("left" as const, "right" as const),
            key: fc.constantFrom("a", "b"),
            at: fc.nat(40),
            isRestored: fc.boolean(),
          }),
          { maxLength: 30, size: "max" },
        ),
        (records) => {
          const join = new JoinUnderTest(grouping(), create());
          for (const [index, { side, key, at, isRestored }] of records.entries()) {
            join[side](key, index, at);
            if (isRestored) join.restore();
          }
          const expected = new Map<string, { left: number[]; right: number[] }>();
          for (const [index, { side, key, at }] of records.entries()) {
            const name = `${key} ${Math.floor(at / 10) * 10}`;
            const group = expected.get(name) ?? { left: [], right: [] };
            expected.set(name, group);
            group[side].push(index);
          }
          const groups = join.watermark(Infinity).take() as readonly (readonly [
            { key: string; window: { start: number }; left: number[]; right: number[] },
            number,
          ])[];
          expect(
            new Map(
              groups.map(([{ key, window, left, right }]) => [
                `${key} ${window.start}`,
                { left, right },
              ]),
            ),
          ).toEqual(expected);
        },
      ),
      { numRuns: 40 },
    );
  });
});
